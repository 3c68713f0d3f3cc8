// Rows' metadata as columns, one for each field that occurs: what Parquet and Arrow files hold beside the
// vectors.

import type { Metadata, MetadataValue } from '../../core/vector-store.ts';

export type ColumnType = 'text' | 'number' | 'boolean';

export interface MetadataColumn {
  readonly name: string;
  readonly type: ColumnType;
  /** One for each row; null where the row has none. */
  readonly values: readonly (MetadataValue | null)[];
}

/** Names that the outputs give to columns of their own. */
const TAKEN: ReadonlySet<string> = new Set(['id', 'vector', 'scale', 'sha256']);

/**
 * In order of name. Numbers are float64; a field of values of more than one type becomes text, each value as
 * JSON. A field of a name that the outputs use gets `metadata_` before it.
 */
export function metadataColumns(rows: readonly { readonly metadata: Metadata }[]): MetadataColumn[] {
  const fields = new Set(rows.flatMap(({ metadata }) => Object.keys(metadata)));
  return [...fields].sort().map((field) => {
    const values = rows.map(({ metadata }) =>
      Object.hasOwn(metadata, field) ? (metadata[field] ?? null) : null,
    );
    const name = TAKEN.has(field) ? `metadata_${field}` : field;
    const types = new Set(values.flatMap((value) => (value === null ? [] : [typeOf(value)])));
    const [type = 'text', ...others] = types;
    if (others.length === 0) return { name, type, values };
    return {
      name,
      type: 'text',
      values: values.map((value) => (value === null ? null : JSON.stringify(value))),
    };
  });
}

function typeOf(value: MetadataValue): ColumnType {
  if (typeof value === 'string') return 'text';
  return typeof value === 'number' ? 'number' : 'boolean';
}
