// The vectors of each photograph on a disk, by what made them and by the photograph's bytes: a measurement
// that was broken off goes on where it stood, and one descriptor of all photographs is in memory at a time.

import { mkdir, open, rename, stat, writeFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { type Extractor, valuesPerImage } from './extractor.ts';

export interface VectorCache {
  /** Whether the vectors of the photograph (SHA-256 of its bytes, hex) are there, whole. */
  has(extractor: Extractor, photo: string): Promise<boolean>;
  /** All outputs of one image, one after the other. */
  write(extractor: Extractor, photo: string, values: Float32Array): Promise<void>;
  /** One output. Throws when `has` was not true. */
  read(extractor: Extractor, photo: string, output: string): Promise<Float32Array>;
}

export function openVectorCache(folder: string): VectorCache {
  const fileOf = ({ key }: Extractor, photo: string) => join(folder, key, photo.slice(0, 2), `${photo}.f32`);
  return {
    async has(extractor, photo) {
      try {
        return (await stat(fileOf(extractor, photo))).size === valuesPerImage(extractor) * 4;
      } catch {
        return false;
      }
    },
    async write(extractor, photo, values) {
      const file = fileOf(extractor, photo);
      await mkdir(dirname(file), { recursive: true });
      // Under its name only once it is whole.
      const partial = `${file}.${process.pid}`;
      await writeFile(partial, new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
      await rename(partial, file);
    },
    async read(extractor, photo, output) {
      let start = 0;
      for (const { name, width } of extractor.outputs) {
        if (name === output) return readFloats(fileOf(extractor, photo), start, width);
        start += width;
      }
      throw new TypeError(`${extractor.key} has no output ${output}.`);
    },
  };
}

async function readFloats(path: string, start: number, count: number): Promise<Float32Array> {
  const values = new Float32Array(count);
  const file = await open(path);
  try {
    const bytes = new Uint8Array(values.buffer);
    const { bytesRead } = await file.read(bytes, 0, bytes.length, start * 4);
    if (bytesRead !== bytes.length) throw new TypeError(`${path} is cut off. Remove it and measure again.`);
  } finally {
    await file.close();
  }
  return values;
}
