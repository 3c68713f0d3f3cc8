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

export const OUTPUTS = `${Object.keys(FORMATS).join(', ')}, or store:PLACE#INDEX`;

/**
 * The name of a format, or a place that search/node/open-store.ts knows with the name of an index. Throws
 * InputError for what is no output, SourceError for a store that cannot be reached.
 */
export async function openOutput(spec: string, options: OutputOptions): Promise<Output> {
  const [, place, index] = /^store:(.+)#([^#]+)$/s.exec(spec) ?? [];
  if (place !== undefined && index !== undefined) {
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
