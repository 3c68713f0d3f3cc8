// Vector search: build time, bytes, time per query and recall@10 of each store, side by side with usearch.
//
//   npm run bench -- search [--vectors=10000,100000] [--dimensions=512] [--queries=100]
//                           [--descriptors=FILE.npy]   float32 [n, dimensions]: real ones, plus noise
//                           [--only=NAME,NAME]

import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { unstable_startWorker as startWorker } from 'wrangler';
import { toInt8 } from '../core/quantise-vector.ts';
import type { VectorSpace } from '../core/vector-store.ts';
import { createRandom } from '../model-build/random.ts';
import { createTopRows } from '../search/neighbours.ts';
import { openLanceDbStore } from '../search/node/lancedb-store.ts';
import { loadScanKernel } from '../search/node/scan-kernel.ts';
import { createScanMatrix } from '../search/scan-matrix.ts';
import { cosine } from '../search/vector-index.ts';
import { clusteredVectors, seededNormal } from '../test/search/vectors.ts';
import { table } from './measure.ts';

const TOP = 10;
const BATCH = 1000;
const WARMUP = 5;

interface Rival {
  readonly name: string;
  /** Takes all vectors, rows of [count, dimensions]. */
  build(vectors: Float32Array, dimensions: number): Promise<void>;
  /** Row numbers, best first; and the milliseconds where they were measured closer than here. */
  query(vector: Float32Array): Promise<{ rows: readonly number[]; ms?: number }>;
  bytes(): Promise<number>;
  close(): Promise<void>;
  /** Where it searches only some of the rows. */
  accepts?(row: number): boolean;
}

export async function run(options: readonly string[]): Promise<void> {
  const option = (name: string) =>
    options.find((text) => text.startsWith(`--${name}=`))?.slice(name.length + 3);
  const dimensions = Number(option('dimensions') ?? 512);
  const queryCount = Number(option('queries') ?? 100);
  const file = option('descriptors');
  const only = option('only')?.split(',');
  for (const count of (option('vectors') ?? '10000,100000').split(',').map(Number)) {
    const draw =
      file === undefined
        ? clusteredVectors({ clusters: Math.ceil(Math.sqrt(count)), dimensions, seed: 1 })
        : await noisyDescriptors(file, dimensions);
    const vectors = new Float32Array(count * dimensions);
    for (let row = 0; row < count; row += 1) vectors.set(draw(), row * dimensions);
    const queries = Array.from({ length: queryCount }, draw);
    const truths = new Map<Rival['accepts'], number[][]>();
    const truthFor = ({ accepts }: Rival): number[][] => {
      const truth = truths.get(accepts) ?? queries.map((query) => nearestRows(vectors, query, accepts));
      truths.set(accepts, truth);
      return truth;
    };
    console.log(
      `\n${count} vectors of ${dimensions} dimensions, ${queryCount} queries, ${file ?? 'clustered Gaussian mixtures'}\n`,
    );
    const rows: (string | number)[][] = [];
    for (const rival of await rivals()) {
      if (only !== undefined && !only.some((name) => rival.name.includes(name))) continue;
      rows.push(await measureRival(rival, vectors, dimensions, queries, truthFor(rival)));
      console.error(rows.at(-1)?.join('  '));
    }
    console.log(table(['store', 'build s', 'MB', 'p50 ms', 'p95 ms', 'recall@10'], rows));
  }
}

async function measureRival(
  rival: Rival,
  vectors: Float32Array,
  dimensions: number,
  queries: readonly Float32Array[],
  truth: readonly (readonly number[])[],
): Promise<(string | number)[]> {
  try {
    const start = performance.now();
    await rival.build(vectors, dimensions);
    const built = performance.now() - start;
    for (const query of queries.slice(0, WARMUP)) await rival.query(query);
    const times: number[] = [];
    let found = 0;
    for (const [place, query] of queries.entries()) {
      const asked = performance.now();
      const { rows, ms } = await rival.query(query);
      times.push(ms ?? performance.now() - asked);
      found += rows.filter((row) => truth[place]?.includes(row)).length;
    }
    times.sort((a, b) => a - b);
    const at = (share: number) => times[Math.min(times.length - 1, Math.floor(times.length * share))] ?? 0;
    const recall = found / (queries.length * TOP);
    return [rival.name, built / 1000, (await rival.bytes()) / 1e6, at(0.5), at(0.95), recall.toFixed(3)];
  } finally {
    await rival.close();
  }
}

async function rivals(): Promise<Rival[]> {
  return [
    plainLoop(),
    scanInNode(),
    durableObjects(1, ''),
    durableObjects(4, ''),
    durableObjects(1, '&filtered'),
    lanceDb(),
    ...(await usearch()),
  ];
}

/** Float32, compared one by one in TypeScript: what the kernel is worth. */
function plainLoop(): Rival {
  let all: Float32Array = new Float32Array();
  return {
    name: 'plain loop, float32',
    async build(vectors) {
      all = vectors;
    },
    query: async (vector) => ({ rows: nearestRows(all, vector) }),
    bytes: async () => all.byteLength,
    close: async () => {},
  };
}

function scanInNode(): Rival {
  let matrix = createScanMatrix(loadScanKernel(), 1);
  return {
    name: 'our scan, int8, in Node',
    async build(vectors, dimensions) {
      matrix = createScanMatrix(loadScanKernel(), dimensions);
      for (let row = 0; row < vectors.length / dimensions; row += 1) {
        matrix.set(row, toInt8(vectors.subarray(row * dimensions, (row + 1) * dimensions)));
      }
    },
    query: async (vector) => ({ rows: [...matrix.nearest(vector, TOP).rows] }),
    bytes: async () => matrix.bytes,
    close: async () => {},
  };
}

/** In workerd, measured in the Worker around the call to the objects. */
function durableObjects(shards: number, filtered: string): Rival {
  let folder = '';
  let worker: Awaited<ReturnType<typeof startWorker>> | undefined;
  let where = '';
  const post = async (path: string, body: Float32Array) => {
    const response = await worker?.fetch(`http://localhost${path}${where}`, {
      method: 'POST',
      body: new Uint8Array(body.buffer, body.byteOffset, body.byteLength),
    });
    if (response?.ok !== true) throw new Error(`The Worker answered ${response?.status}`);
    return response;
  };
  return {
    name: `Durable Objects, ${shards}${filtered === '' ? '' : ', filter'}`,
    ...(filtered === '' ? {} : { accepts: isEven }),
    async build(vectors, dimensions) {
      // Otherwise the local runtime asks the network where it is.
      process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= 'false';
      folder = await mkdtemp(join(tmpdir(), 'vgg-edge-bench-'));
      worker = await startWorker({
        config: join(import.meta.dirname, 'search-worker/wrangler.toml'),
        dev: { logLevel: 'error', persist: folder, watch: false, server: { port: 0 }, inspector: false },
      });
      where = `dimensions=${dimensions}&shards=${shards}`;
      for (let first = 0; first < vectors.length / dimensions; first += BATCH) {
        const batch = vectors.slice(first * dimensions, (first + BATCH) * dimensions);
        await post(`/upsert?first=${first}&`, batch);
      }
    },
    async query(vector) {
      const response = await post(`/query?${filtered.slice(1)}&`, vector);
      const { ids, ms } = (await response.json()) as { ids: number[]; ms: number };
      return { rows: ids, ms };
    },
    bytes: () => folderBytes(folder),
    async close() {
      await worker?.dispose();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function lanceDb(): Rival {
  let folder = '';
  let store: Awaited<ReturnType<typeof openLanceDbStore>> | undefined;
  const space = (dimensions: number): VectorSpace => ({
    model: 'bench@000000000000',
    preprocess: 'none',
    layer: 'features',
    pool: 'gem',
    projection: null,
    dimensions,
  });
  return {
    name: 'LanceDB',
    async build(vectors, dimensions) {
      folder = await mkdtemp(join(tmpdir(), 'vgg-edge-bench-'));
      store = await openLanceDbStore(folder);
      const index = await store.create('bench', space(dimensions));
      for (let first = 0; first < vectors.length / dimensions; first += BATCH) {
        const items = Array.from(
          { length: Math.min(BATCH, vectors.length / dimensions - first) },
          (_, row) => ({
            id: String(first + row),
            vector: vectors.subarray((first + row) * dimensions, (first + row + 1) * dimensions),
            metadata: {},
          }),
        );
        await index.upsert(space(dimensions), items);
      }
      await store.optimise('bench');
    },
    async query(vector) {
      const index = await store?.open('bench');
      const start = performance.now();
      const hits = await index?.query({ by: { vector, space: space(vector.length) }, topK: TOP });
      return { rows: (hits ?? []).map(({ id }) => Number(id)), ms: performance.now() - start };
    },
    bytes: () => folderBytes(folder),
    async close() {
      await store?.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

/** A well-known library, native, with its defaults but for the number type; none where it is not installed. */
async function usearch(): Promise<Rival[]> {
  let library: typeof import('usearch');
  try {
    library = await import('usearch');
  } catch {
    console.log('usearch is not installed: npm install usearch');
    return [];
  }
  const { Index, MetricKind, ScalarKind } = library;
  const DEFAULTS = { connectivity: 0, expansion_add: 0, expansion_search: 0, multi: false };
  return [ScalarKind.F32, ScalarKind.I8].map((quantization): Rival => {
    let index: InstanceType<typeof Index> | undefined;
    let folder = '';
    return {
      name: `usearch, HNSW, ${quantization}`,
      async build(vectors, dimensions) {
        folder = await mkdtemp(join(tmpdir(), 'vgg-edge-bench-'));
        index = new Index({ ...DEFAULTS, metric: MetricKind.Cos, dimensions, quantization });
        const keys = BigUint64Array.from({ length: vectors.length / dimensions }, (_, row) => BigInt(row));
        index.add(keys, vectors, 0);
      },
      async query(vector) {
        const { keys } = index?.search(vector, TOP, 1) ?? { keys: [] };
        return { rows: Array.from(keys, Number) };
      },
      async bytes() {
        const file = join(folder, 'index');
        index?.save(file);
        return (await stat(file)).size;
      },
      close: () => rm(folder, { recursive: true, force: true }),
    };
  });
}

function isEven(row: number): boolean {
  return row % 2 === 0;
}

function nearestRows(
  vectors: Float32Array,
  query: Float32Array,
  accepts: (row: number) => boolean = () => true,
): number[] {
  const top = createTopRows(TOP);
  for (let row = 0; row < vectors.length / query.length; row += 1) {
    if (!accepts(row)) continue;
    top.offer(row, cosine(vectors.subarray(row * query.length, (row + 1) * query.length), query));
  }
  return [...top.ranked().rows];
}

async function folderBytes(folder: string): Promise<number> {
  const entries = await readdir(folder, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile());
  const sizes = await Promise.all(
    files.map(async (entry) => (await stat(join(entry.parentPath, entry.name))).size),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}

/** Real descriptors, each with Gaussian noise of a fifth of its length. */
async function noisyDescriptors(file: string, dimensions: number): Promise<() => Float32Array> {
  const bytes = await readFile(file);
  const start = bytes.readUInt16LE(8) + 10;
  const header = bytes.toString('latin1', 10, start);
  if (!header.includes("'<f4'") || !header.includes(`, ${dimensions})`)) {
    throw new Error(`Expected float32 [n, ${dimensions}] in ${file} but found ${header.trim()}`);
  }
  const values = new Float32Array(
    bytes.buffer.slice(bytes.byteOffset + start, bytes.byteOffset + bytes.length),
  );
  const random = createRandom(2);
  const normal = seededNormal(random);
  return () => {
    const row = Math.floor((random() * values.length) / dimensions);
    const vector = values.slice(row * dimensions, (row + 1) * dimensions);
    const spread = (0.2 * Math.sqrt(cosine(vector, vector))) / Math.sqrt(dimensions);
    const noisy = vector.map((value) => value + spread * normal());
    const length = Math.sqrt(cosine(noisy, noisy));
    return noisy.map((value) => value / length);
  };
}
