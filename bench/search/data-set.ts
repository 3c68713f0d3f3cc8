// The vectors that the stores are compared on, with queries and their true neighbours: made once for each
// size, deterministic, streamed from disk.

import { createHash } from 'node:crypto';
import { createReadStream, createWriteStream } from 'node:fs';
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { finished } from 'node:stream/promises';
import { dot } from '../../core/cosine.ts';
import { decodeNpy } from '../../core/npy.ts';
import { createTopRows } from '../../core/top-rows.ts';
import { createRandom } from '../../model-build/random.ts';
import { clusteredVectors, seededNormal } from '../../test/search/vectors.ts';

/** Hits asked for, and compared with the truth. */
export const TOP = 10;

export interface DataSetOptions {
  readonly count: number;
  readonly dimensions: number;
  readonly queries: number;
  /** A .npy file of float32 [n, dimensions]; without it clustered Gaussian mixtures. */
  readonly descriptors: string | undefined;
}

export interface Batch {
  /** Number of the first row. */
  readonly first: number;
  /** [rows, dimensions], each row of Euclidean length 1. */
  readonly vectors: Float32Array;
}

export interface DataSet {
  readonly count: number;
  readonly dimensions: number;
  /** Of this data set alone; the stores' own files go below it. */
  readonly folder: string;
  /** All vectors one after the other, little-endian. */
  readonly vectorFile: string;
  readonly queries: readonly Float32Array[];
  /** Of each query the rows of highest cosine, of all and of the even ones. */
  readonly truth: Truth;
  batches(rows: number): AsyncGenerator<Batch>;
}

export interface Truth {
  readonly all: readonly (readonly number[])[];
  readonly even: readonly (readonly number[])[];
}

const FLOAT_BYTES = 4;
const BATCH = 8192;

export async function openDataSet(cache: string, options: DataSetOptions): Promise<DataSet> {
  const { count, dimensions } = options;
  const source = options.descriptors === undefined ? undefined : await readFile(options.descriptors);
  const hash = createHash('sha256').update(source ?? 'mixtures');
  const id = hash.update(`${dimensions} ${options.queries}`).digest('hex').slice(0, 12);
  const folder = join(cache, id, String(count));
  const vectorFile = join(folder, 'vectors.f32');
  const truthFile = join(folder, 'truth.json');
  const draw =
    source === undefined
      ? clusteredVectors({ clusters: Math.ceil(Math.sqrt(count)), dimensions, seed: 1 })
      : descriptorsWithNoise(source, dimensions);
  // Drawn before the vectors, so that they do not depend on which of these are made again.
  const queries = Array.from({ length: options.queries }, draw);
  const batches = (rows: number) => readBatches(vectorFile, rows, dimensions);

  let truth = await readFile(truthFile, 'utf8').then(
    (json): Truth => JSON.parse(json),
    () => undefined,
  );
  if (truth === undefined) {
    console.error(`making ${count} vectors of ${dimensions} dimensions in ${folder}`);
    await mkdir(folder, { recursive: true });
    // Under its name only once it is whole: another run may be reading, or making, the same.
    const unfinished = `${vectorFile}.${process.pid}`;
    await writeVectors(unfinished, count, dimensions, draw);
    await rename(unfinished, vectorFile);
    truth = await findTruth(batches(BATCH), dimensions, queries);
    await writeFile(truthFile, JSON.stringify(truth));
  }
  return { count, dimensions, folder, vectorFile, queries, truth, batches };
}

/**
 * Real descriptors, each with noise that is distributed as they are: the difference of two others, scaled
 * by a normal number of deviation 0.3. Isotropic noise would put all copies of one at the same distance.
 */
function descriptorsWithNoise(file: Uint8Array, dimensions: number): () => Float32Array {
  const { dtype, shape, data } = decodeNpy(file);
  const [rows = 0, found] = shape;
  if (dtype !== 'float32' || found !== dimensions || rows < 2) {
    throw new Error(`Expected float32 [n, ${dimensions}] but found ${dtype} [${shape.join(', ')}].`);
  }
  const values = new Float32Array(data.slice().buffer);
  const random = createRandom(2);
  const normal = seededNormal(random);
  const start = () => Math.floor(random() * rows) * dimensions;
  return () => {
    const [own, plus, minus] = [start(), start(), start()];
    const amount = 0.3 * normal();
    const vector = Float32Array.from({ length: dimensions }, (_, place) => {
      const noise = (values[plus + place] ?? 0) - (values[minus + place] ?? 0);
      return (values[own + place] ?? 0) + amount * noise;
    });
    const length = Math.sqrt(dot(vector, vector));
    return vector.map((value) => value / length);
  };
}

async function writeVectors(
  path: string,
  count: number,
  dimensions: number,
  draw: () => Float32Array,
): Promise<void> {
  const out = createWriteStream(path);
  for (let first = 0; first < count; first += BATCH) {
    const rows = Math.min(BATCH, count - first);
    const vectors = new Float32Array(rows * dimensions);
    for (let row = 0; row < rows; row += 1) vectors.set(draw(), row * dimensions);
    if (!out.write(new Uint8Array(vectors.buffer)))
      await new Promise((resolve) => out.once('drain', () => resolve(undefined)));
  }
  out.end();
  await finished(out);
}

async function* readBatches(path: string, rows: number, dimensions: number): AsyncGenerator<Batch> {
  const bytes = rows * dimensions * FLOAT_BYTES;
  let pending = Buffer.alloc(0);
  let first = 0;
  const batchOf = (part: Buffer): Batch => {
    const batch = { first, vectors: new Float32Array(new Uint8Array(part).buffer) };
    first += batch.vectors.length / dimensions;
    return batch;
  };
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) {
    pending = Buffer.concat([pending, chunk]);
    while (pending.length >= bytes) {
      yield batchOf(pending.subarray(0, bytes));
      pending = pending.subarray(bytes);
    }
  }
  if (pending.length > 0) yield batchOf(pending);
}

async function findTruth(
  batches: AsyncIterable<Batch>,
  dimensions: number,
  queries: readonly Float32Array[],
): Promise<Truth> {
  const tops = queries.map(() => ({ all: createTopRows(TOP), even: createTopRows(TOP) }));
  for await (const { first, vectors } of batches) {
    for (let row = 0; row < vectors.length / dimensions; row += 1) {
      const vector = vectors.subarray(row * dimensions, (row + 1) * dimensions);
      for (const [place, query] of queries.entries()) {
        const score = dot(query, vector);
        tops[place]?.all.offer(first + row, score);
        if ((first + row) % 2 === 0) tops[place]?.even.offer(first + row, score);
      }
    }
  }
  return {
    all: tops.map(({ all }) => [...all.ranked().rows]),
    even: tops.map(({ even }) => [...even.ranked().rows]),
  };
}
