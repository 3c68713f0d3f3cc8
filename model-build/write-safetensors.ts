// Writes .safetensors (https://github.com/huggingface/safetensors): eight bytes of the header's length, a
// JSON header, the values. Little-endian float32.

import { randomUUID } from 'node:crypto';
import { open, rename, rm } from 'node:fs/promises';
import { InputError } from '../core/errors.ts';

export interface NamedValues {
  readonly name: string;
  readonly shape: readonly number[];
  readonly values: Float32Array;
}

/** Values begin at a multiple of this. */
const ALIGNMENT = 8;

/** Writes beside `path` and renames; throws InputError where that is not possible. */
export async function writeSafetensors(
  path: string,
  tensors: readonly NamedValues[],
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  const partial = `${path}.${randomUUID()}.partial`;
  try {
    const file = await open(partial, 'wx');
    try {
      await file.writeFile(headerBytes(tensors, metadata));
      for (const { values } of tensors) {
        await file.writeFile(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      }
    } finally {
      await file.close();
    }
    await rename(partial, path);
  } catch (cause) {
    throw new InputError('invalid_argument', `Expected to be able to write ${path}: ${String(cause)}.`, {
      param: 'out',
      cause,
    });
  } finally {
    await rm(partial, { force: true });
  }
}

function headerBytes(
  tensors: readonly NamedValues[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let end = 0;
  const entries = tensors.map(({ name, shape, values }) => {
    const start = end;
    end += values.byteLength;
    return [name, { dtype: 'F32', shape, data_offsets: [start, end] }] as const;
  });
  const json = JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) });
  const text = new TextEncoder().encode(json);
  const padded = Math.ceil(text.length / ALIGNMENT) * ALIGNMENT;
  const bytes = new Uint8Array(8 + padded).fill(0x20);
  new DataView(bytes.buffer).setBigUint64(0, BigInt(padded), true);
  bytes.set(text, 8);
  return bytes;
}
