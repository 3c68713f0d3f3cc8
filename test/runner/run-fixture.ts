// Runs of the tiny model, for the tests: a folder of small photographs, a source that can be interfered
// with, and the bytes that a run leaves.

import { createHash } from 'node:crypto';
import { mkdir, readdir, readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { createEmbedder } from '../../core/embedder.ts';
import type { Engine } from '../../core/ports.ts';
import { createDescriber } from '../../engine/describer.ts';
import { createNodeDecoder } from '../../engine/node/decode.ts';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { createWinogradEngine } from '../../engine/winograd/engine.ts';
import { createDecodePool, type DecodePool } from '../../runner/decode-pool.ts';
import { embedRun, type RunWatcher } from '../../runner/embed-run.ts';
import { createMeter } from '../../runner/meter.ts';
import { openOutput } from '../../runner/outputs/open-output.ts';
import { createPipeline } from '../../runner/pipeline.ts';
import type { Output, Source } from '../../runner/ports.ts';
import type { RunTotals } from '../../runner/reconcile.ts';
import { runDirectory } from '../../runner/run-directory.ts';
import { openRun, type RunRecord } from '../../runner/run-record.ts';
import { openSource } from '../../runner/sources/open-source.ts';
import { noise } from '../core/noise.ts';
import { tinyModel } from '../engine/tiny-model.ts';

export const TINY = join(import.meta.dirname, '../golden/models/tiny');

/** `count` JPEGs of noise in folders of ten; every `broken`-th holds no image. */
export async function writePhotos(folder: string, count: number, broken = 0): Promise<void> {
  for (let index = 0; index < count; index += 1) {
    const place = join(folder, String(Math.floor(index / 10)).padStart(3, '0'));
    await mkdir(place, { recursive: true });
    const bytes =
      broken > 0 && index % broken === broken - 1
        ? Buffer.from(`no image, number ${index}`)
        : await sharp(noise(32 * 24 * 3, index), { raw: { width: 32, height: 24, channels: 3 } })
            .jpeg()
            .toBuffer();
    await writeFile(join(place, `${String(index).padStart(5, '0')}.jpg`), bytes);
  }
}

export interface TestRun {
  readonly photos: string;
  readonly out: string;
  readonly shardSize?: number;
  readonly batch?: number;
  readonly maxFailureRate?: number;
  readonly retryFailed?: boolean;
  readonly signal?: AbortSignal;
  readonly watcher?: RunWatcher;
  readonly decoders?: DecodePool;
  readonly interfere?: (source: Source) => Source;
  readonly interfereOutput?: (output: Output) => Output;
  readonly interfereEngine?: (engine: Engine) => Engine;
}

export const LIMITS = { maxBytes: 1024 * 1024, maxPixels: 4_000_000 };

export async function testRecord({ photos, shardSize = 8, batch = 4 }: TestRun): Promise<RunRecord> {
  return {
    format: 'vgg-edge-run',
    formatVersion: 1,
    source: photos,
    column: null,
    idColumn: null,
    metadataColumns: null,
    space: {
      model: 'tiny@000000000000',
      preprocess: 'torchvision-256-224@1',
      layer: 'features',
      pool: 'gem',
      projection: null,
      dimensions: (await tinyDescriber()).dimensions,
    },
    normalize: true,
    crop: null,
    output: 'npy',
    dtype: 'float32',
    engine: 'winograd:int8',
    batch,
    shardSize,
    limits: LIMITS,
  };
}

export function tinyDescriber() {
  const { manifest } = tinyModel();
  const projections = {
    list: async () => [],
    load: () => Promise.reject(new Error('Expected no projection to be asked for')),
  };
  return createDescriber({ layer: 'features', pool: 'gem', normalize: true }, { manifest, projections });
}

/** The vectors of the files by core/embedder.ts, one below the other, as bytes. */
export async function embedOneByOne(paths: readonly string[]): Promise<Uint8Array> {
  const { manifest } = tinyModel();
  const engine = await tinyEngine();
  const embedder = createEmbedder({
    decoder: await createNodeDecoder(),
    engine,
    sizes: manifest.preprocess,
    limits: LIMITS,
    batchSize: 1,
    now: () => performance.now(),
  });
  const descriptor = { layer: 'features', pool: 'gem', normalize: true } as const;
  const { outcomes } = await embedder.embed(
    paths.map((path) => ({ read: () => readFile(path) })),
    descriptor,
  );
  await engine.dispose();
  return Buffer.concat(
    outcomes.map((outcome) => {
      if ('error' in outcome) throw outcome.error;
      return new Uint8Array(outcome.value.slice().buffer);
    }),
  );
}

export async function tinyEngine() {
  const kernel = new WebAssembly.Module(
    await readFile(join(import.meta.dirname, '../../engine/winograd/kernel.wasm')),
  );
  const now = () => performance.now();
  return createWinogradEngine({ manifest: tinyModel().manifest, files: diskFiles(TINY), kernel, now });
}

/** Threads take longer to start than these runs. They end with the test's process. */
let sharedDecoders: DecodePool | undefined;

/** One run in this process, with the tiny model. */
export async function testRun(options: TestRun): Promise<RunTotals> {
  const { photos, out, maxFailureRate = 1, signal = new AbortController().signal, interfere } = options;
  const { manifest } = tinyModel();
  const record = await testRecord(options);
  const directory = runDirectory(out);
  await openRun(directory, record);
  const ownEngine = await tinyEngine();
  const engine = options.interfereEngine?.(ownEngine) ?? ownEngine;
  const describer = await tinyDescriber();
  const opened = await openSource(photos);
  const source = interfere?.(opened) ?? opened;
  const npy = await openOutput('npy', { space: record.space, dtype: 'float32' });
  const output = options.interfereOutput?.(npy) ?? npy;
  sharedDecoders ??= createDecodePool({ sizes: manifest.preprocess, limits: LIMITS, threads: 2 });
  const { decoders = sharedDecoders } = options;
  try {
    return await embedRun({
      directory,
      record,
      source,
      output,
      openPipeline: async (stop) =>
        createPipeline({
          source,
          decoders,
          engine,
          describer,
          size: manifest.preprocess.crop,
          batch: record.batch,
          refuseZeros: output.refusesZeros,
          readers: 6,
          maxBytes: LIMITS.maxBytes,
          meter: createMeter(),
          signal: stop,
        }),
      maxFailureRate,
      retryFailed: options.retryFailed ?? false,
      signal,
      ...(options.watcher === undefined ? {} : { watcher: options.watcher }),
    });
  } finally {
    await ownEngine.dispose();
  }
}

/** What must be the same however a run came to its end: file below `out` → hash of its bytes. */
export async function runBytes(out: string): Promise<Record<string, string>> {
  const entries = await readdir(out, { recursive: true, withFileTypes: true });
  const files = entries
    .filter((entry) => entry.isFile() && !['report.html', 'summary.json'].includes(entry.name))
    .map((entry) => join(entry.parentPath, entry.name))
    .toSorted();
  const bytes: Record<string, string> = {};
  for (const file of files) {
    bytes[file.slice(out.length + 1)] = createHash('sha256')
      .update(await readFile(file))
      .digest('hex');
  }
  return bytes;
}

/** The lines of failures.jsonl. */
export async function readFailures(out: string): Promise<{ id: string; code: string; reason: string }[]> {
  const text = await readFile(join(out, 'failures.jsonl'), 'utf8');
  return text
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line));
}
