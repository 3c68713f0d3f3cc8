// Opens a weight file of any format by its first bytes, whatever its name ends in. The first stage of
// the model build.

import type { TensorFile } from '../core/tensor.ts';
import { type ByteSource, openFileSource, readBytes } from './byte-source.ts';
import { invalidWeights } from './invalid-weights.ts';
import { openSafetensors } from './safetensors.ts';
import { openTorchFile } from './torch-file.ts';

/** Enough for every magic number below. */
const SNIFFED_BYTES = 9;

/**
 * Opens PyTorch's `.pth`/`.pt` (zip or legacy) or `.safetensors`. The caller closes it.
 * Throws InputError: `not_found`, `invalid_file` for a folder, `invalid_weights` for anything else wrong.
 */
export async function openWeights(path: string): Promise<TensorFile> {
  const source = await openFileSource(path);
  try {
    return await openSource(source);
  } catch (error) {
    await source.close();
    throw error;
  }
}

/** The same for bytes that lie elsewhere. */
export async function openSource(source: ByteSource): Promise<TensorFile> {
  const start = await readBytes(source, 0, Math.min(source.size, SNIFFED_BYTES), 'the start of the file');
  if (startsWith(start, 0, 'PK')) return openTorchFile(source, true);
  if (start[0] === 0x80) return openTorchFile(source, false);
  if (startsWith(start, 8, '{')) return openSafetensors(source);
  const found = source.size === 0 ? 'an empty file' : `a file that starts with ${hex(start)}`;
  throw invalidWeights(source.name, "PyTorch's .pth or .pt, or .safetensors,", found);
}

function startsWith(bytes: Uint8Array, position: number, text: string): boolean {
  return [...text].every((character, index) => bytes[position + index] === character.charCodeAt(0));
}

function hex(bytes: Uint8Array): string {
  return [...bytes].map((byte) => byte.toString(16).padStart(2, '0')).join(' ');
}
