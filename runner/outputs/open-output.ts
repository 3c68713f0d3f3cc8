// What is written on the command line → the output that it means.

import { InputError } from '../../core/errors.ts';
import type { Output, OutputOptions } from '../ports.ts';
import { createNpyOutput } from './npy.ts';

export const OUTPUTS = 'npy';

/** Throws InputError for what is no output. */
export async function openOutput(spec: string, options: OutputOptions): Promise<Output> {
  if (spec === 'npy') return createNpyOutput(options);
  throw new InputError('invalid_argument', `Expected ${OUTPUTS} as the output but found '${spec}'.`);
}
