// The weight files that scripts/goldens/weights.py made with PyTorch, and what they hold.

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { TensorFile } from '../../core/tensor.ts';

const FOLDER = join(import.meta.dirname, '..', 'golden', 'weights');

export const goldenPath = (file: string): string => join(FOLDER, file);

export const goldenBytes = (file: string): Uint8Array => new Uint8Array(readFileSync(goldenPath(file)));

/** File → digest as `digestOf` computes it. */
export function expectedDigests(): Record<string, string> {
  const parsed: unknown = JSON.parse(readFileSync(goldenPath('expected.json'), 'utf8'));
  if (typeof parsed !== 'object' || parsed === null) throw new TypeError('expected.json holds no object');
  return Object.fromEntries(Object.entries(parsed).map(([file, digest]) => [file, String(digest)]));
}

/** SHA-256 over "name dtype [shape]" and the values of every tensor, sorted by name. */
export async function digestOf(file: TensorFile): Promise<string> {
  const hash = createHash('sha256');
  for (const [name, { dtype, shape }] of [...file.tensors].sort(([a], [b]) => (a < b ? -1 : 1))) {
    hash.update(`${name} ${dtype} [${shape.join(',')}]`);
    hash.update(new Uint8Array((await file.read(name)).buffer));
  }
  return hash.digest('hex');
}
