// Decoding in threads against decoding in the main thread: the same photographs, by the same decoder.

import { readdir, readFile } from 'node:fs/promises';
import { availableParallelism } from 'node:os';
import { join } from 'node:path';
import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import { prepareImage } from '../core/prepare-image.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { createDecodePool, type DecodePool } from '../runner/decode-pool.ts';
import { measure, table } from './measure.ts';

const SAMPLES = join(import.meta.dirname, '../samples');
const SIZES = { resize: 256, crop: 224 };
const ROUNDS = { rounds: 10, warmup: 2 };

export async function run(): Promise<void> {
  const names = (await readdir(SAMPLES)).filter((name) => name.endsWith('.jpg'));
  const images = await Promise.all(names.map((name) => readFile(join(SAMPLES, name))));
  const decoder = await createNodeDecoder();
  const cores = availableParallelism();
  const doubled = Array.from({ length: Math.ceil(Math.log2(cores)) }, (_, power) => 2 ** power);
  const pools = [...doubled, cores].map((threads) =>
    createDecodePool({ sizes: SIZES, limits: LOCAL_IMAGE_LIMITS, threads }),
  );
  const pixels = images.map(() => new Uint8Array(new SharedArrayBuffer(SIZES.crop * SIZES.crop * 3)));
  const inPool = (pool: DecodePool) => async () => {
    const outcomes = await Promise.all(
      images.map((bytes, index) =>
        pool.decode({
          bytes: new Uint8Array(bytes),
          pixels: pixels[index] ?? new Uint8Array(new SharedArrayBuffer(0)),
        }),
      ),
    );
    if (outcomes.some((outcome) => 'failure' in outcome)) throw new Error('Expected every sample to decode');
  };
  const timings = await measure(
    [
      {
        name: 'main thread',
        run: () =>
          Promise.all(
            images.map((bytes) =>
              prepareImage(bytes, undefined, { decoder, sizes: SIZES, limits: LOCAL_IMAGE_LIMITS }),
            ),
          ),
      },
      ...pools.map((pool) => ({ name: `${pool.threads} threads`, run: inPool(pool) })),
    ],
    ROUNDS,
  );
  console.log(
    table(
      ['decoding by', 'min ms per image', 'median', 'images/s'],
      timings.map(({ name, min, median }) => [
        name,
        min / images.length,
        median / images.length,
        (images.length * 1000) / min,
      ]),
    ),
  );
  console.log(
    `\n${images.length} photographs of samples/, decoded, resized to ${SIZES.resize}, cropped to ${SIZES.crop}`,
  );
  await Promise.all(pools.map((pool) => pool.close()));
}
