// A whole request in workerd over loopback: photo in, features or class scores out, with our engine and with
// onnxruntime-web, in turn. Also the first answer of a process, and the engine's memory.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { unstable_startWorker } from 'wrangler';
import { stageAssets } from '../scripts/stage-assets.ts';
import { measure, table } from './measure.ts';

const ROOT = join(import.meta.dirname, '..');
const ENTRIES = [
  { engine: 'ours', entrypoint: 'worker/index.ts' },
  { engine: 'onnxruntime-web', entrypoint: 'worker/index-onnxruntime.ts' },
] as const;
const ROUTES = [
  { output: 'features', path: '/v1/embeddings?encoding_format=base64' },
  { output: 'scores', path: '/v1/classify' },
] as const;

const photo = readFileSync(join(ROOT, 'samples/cat.jpg'));

export async function run(): Promise<void> {
  // wrangler would ask the network for a sample of Cloudflare's request data.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false';
  const rounds = 15;
  const servers = [];
  for (const { engine, entrypoint } of ENTRIES) servers.push({ engine, ...(await start(entrypoint)) });
  try {
    const memory = new Map<string, number[]>();
    const timings = [];
    for (const { output, path } of ROUTES) {
      const contestants = servers.map(({ engine, url }) => ({ name: engine, run: () => post(url, path) }));
      for (const timing of await measure(contestants, { rounds })) timings.push({ output, ...timing });
      for (const { engine, url } of servers) {
        memory.set(engine, [...(memory.get(engine) ?? []), await memoryBytes(url)]);
      }
    }
    console.log(`Request with a photo of ${photo.length} bytes, in workerd, ${rounds} rounds in turn\n`);
    console.log(
      table(
        ['output', 'engine', 'min ms', 'median ms'],
        timings.map(({ output, name, min, median }) => [output, name, min, median]),
      ),
    );
    console.log(
      `\n${table(
        ['engine', 'first answer, model loaded with it, ms', 'memory after features, MB', 'after scores, MB'],
        servers.map(({ engine, first }) => {
          const [features = 0, scores = 0] = (memory.get(engine) ?? []).map((bytes) => bytes / 1e6);
          return [engine, first, features, scores];
        }),
      )}`,
    );
  } finally {
    for (const { dispose } of servers) await dispose();
  }
}

/** Starts the Worker; `first` is the time of its first answer, with which it loads the model, milliseconds. */
async function start(entrypoint: string) {
  stageAssets();
  const worker = await unstable_startWorker({
    config: join(ROOT, 'wrangler.toml'),
    entrypoint: join(ROOT, entrypoint),
    // Stored answers would be measured otherwise.
    bindings: { CACHE_SECONDS: { type: 'plain_text', value: '0' } },
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      inspector: false,
      watch: false,
      persist: false,
      logLevel: 'none',
    },
  });
  const url = (await worker.url).origin;
  const ready = performance.now();
  await post(url, ROUTES[0].path);
  return { url, first: performance.now() - ready, dispose: () => worker.dispose() };
}

async function post(url: string, path: string): Promise<void> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: photo,
  });
  if (!response.ok)
    throw new Error(`Expected an answer but found ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}

async function memoryBytes(url: string): Promise<number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return Number(/^vgg_edge_engine_memory_bytes (\d+)/m.exec(page)?.[1] ?? Number.NaN);
}
