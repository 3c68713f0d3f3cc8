// What is written on the command line → the output that it means.

import { InputError } from '../../core/errors.ts';
import { openStore } from '../../search/node/open-store.ts';
import type { Output, OutputOptions } from '../ports.ts';
import { createArrowOutput } from './arrow.ts';
import { createJsonlOutput } from './jsonl.ts';
import { createNpyOutput } from './npy.ts';
import { createParquetOutput } from './parquet.ts';
import { createStoreOutput } from './store.ts';

const FORMATS: Readonly<Record<string, (options: OutputOptions) => Output>> = {
  npy: createNpyOutput,
  parquet: createParquetOutput,
  jsonl: createJsonlOutput,
  arrow: createArrowOutput,
};

export const OUTPUTS = `${Object.keys(FORMATS).join(', ')}, or store:PLACE`;

export interface OpenOutputOptions extends OutputOptions {
  /** Of a store: the index's name. */
  readonly index?: string;
}

/**
 * The name of a format, or `store:` and a place that search/node/open-store.ts knows. Throws InputError for what
 * is no output, SourceError for a store that cannot be reached.
 */
export async function openOutput(spec: string, { index, ...options }: OpenOutputOptions): Promise<Output> {
  const place = /^store:(.+)$/s.exec(spec)?.[1];
  if (place !== undefined) {
    if (index === undefined) {
      throw new InputError('invalid_argument', `Expected the name of an index in ${place}: give --index.`);
    }
    const store = await openStore(place);
    try {
      return await createStoreOutput(store, index, options);
    } catch (error) {
      await store.close();
      throw error;
    }
  }
  const create = Object.hasOwn(FORMATS, spec) ? FORMATS[spec] : undefined;
  if (create !== undefined) return create(options);
  throw new InputError('invalid_argument', `Expected ${OUTPUTS} as the output but found '${spec}'.`);
}
