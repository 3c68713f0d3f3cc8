// The columns of a shard in Arrow's types: the schema of Arrow files, and what tells readers of Parquet files
// that the lists of vectors are of a fixed size.

import {
  Bool,
  type DataType,
  Field,
  FixedSizeBinary,
  FixedSizeList,
  Float32,
  Float64,
  Int8,
  RecordBatchStreamWriter,
  Schema,
  Utf8,
} from 'apache-arrow';
import type { VectorDtype } from '../../core/quantise-vector.ts';
import type { OutputOptions } from '../ports.ts';
import type { ColumnType, MetadataColumn } from './metadata-columns.ts';
import { storedWidth } from './stored-row.ts';

/** Key of the space and dtype of the vectors in a file's metadata, as JSON. */
export const VECTORS_KEY = 'vgg-edge:vectors';

export function vectorsNote({ space, dtype }: OutputOptions): string {
  return JSON.stringify({ space, dtype });
}

const METADATA_TYPES: Readonly<Record<ColumnType, () => DataType>> = {
  text: () => new Utf8(),
  number: () => new Float64(),
  boolean: () => new Bool(),
};

/** id, vector, sha256, scale for int8, and the metadata. Bits are bytes of a fixed number, not a list. */
export function arrowSchema(metadata: readonly MetadataColumn[], options: OutputOptions): Schema {
  return new Schema(
    [
      new Field('id', new Utf8(), false),
      new Field('vector', vectorType(options.dtype, storedWidth(options)), false),
      new Field('sha256', new Utf8(), false),
      ...(options.dtype === 'int8' ? [new Field('scale', new Float32(), false)] : []),
      ...metadata.map(({ name, type }) => new Field(name, METADATA_TYPES[type](), true)),
    ],
    new Map([[VECTORS_KEY, vectorsNote(options)]]),
  );
}

export function vectorType(dtype: VectorDtype, width: number): FixedSizeList | FixedSizeBinary {
  if (dtype === 'binary') return new FixedSizeBinary(width);
  return new FixedSizeList(width, new Field('element', dtype === 'int8' ? new Int8() : new Float32(), false));
}

/** Continuation and length 0, which end a stream. */
const END_OF_STREAM = 8;

/** The value of `ARROW:schema` in a Parquet file: the schema as a message of Arrow's streams, base64. */
export function schemaMessage(schema: Schema): string {
  const writer = new RecordBatchStreamWriter();
  writer.reset(undefined, schema);
  writer.close();
  const stream = writer.toUint8Array(true);
  return Buffer.from(stream.subarray(0, stream.length - END_OF_STREAM)).toString('base64');
}
