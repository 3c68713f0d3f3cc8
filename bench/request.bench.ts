// A whole request in workerd over loopback: photo in, features or class scores out, with our engine and with
// onnxruntime-web, in turn. Wall clock; the CPU time of the isolate's process, which is what Cloudflare
// charges, and the price that follows from it; the engine's memory; the first answer of a process.

import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import sharp from 'sharp';
import { unstable_startWorker } from 'wrangler';
import { stageAssets } from '../scripts/stage-assets.ts';
import { answerFirst, bundle, type FirstAnswer } from './first-answer.ts';
import { webAssemblyMemory } from './isolate-memory.ts';
import { measure, table } from './measure.ts';
import { cpuMilliseconds, descendants } from './process-usage.ts';

const ROOT = join(import.meta.dirname, '..');
const ENTRIES = [
  { engine: 'ours', entrypoint: 'worker/index.ts' },
  { engine: 'onnxruntime-web', entrypoint: 'worker/index-onnxruntime.ts' },
] as const;
const FEATURES = '/v1/embeddings?encoding_format=base64';
const SCORES = '/v1/classify';
/** Rounds of each request; the clock of /proc ticks every 10 ms, which so many requests average out. */
const ROUNDS = 30;
/** Processes of each engine that are started for their first answer. */
const PROCESSES = 8;

/** Cloudflare's prices of the Workers Paid plan, beyond what it includes. */
const DOLLARS_PER_CPU_MILLISECOND = 0.02 / 1e6;
const DOLLARS_PER_REQUEST = 0.3 / 1e6;

interface Work {
  readonly what: string;
  readonly path: string;
  readonly photo: Uint8Array;
  /** The same bytes each time, so that the answer comes from the cache. */
  readonly stored?: boolean;
}

type Server = Awaited<ReturnType<typeof start>>;

export async function run(): Promise<void> {
  // wrangler would ask the network for a sample of Cloudflare's request data.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false';
  const photo = readFileSync(join(ROOT, 'samples/cat.jpg'));
  const large = await sharp(photo).resize(4000, 3000, { fit: 'fill' }).jpeg({ quality: 85 }).toBuffer();
  const size = (bytes: Uint8Array) => `${Math.round(bytes.length / 1000)} KB`;
  const works: readonly Work[] = [
    { what: `features, ${size(photo)}`, path: FEATURES, photo },
    { what: `scores, ${size(photo)}`, path: SCORES, photo },
    { what: `features, 12 MP, ${size(large)}`, path: FEATURES, photo: large },
    { what: `features, stored, ${size(photo)}`, path: FEATURES, photo, stored: true },
  ];
  const servers: Server[] = [];
  for (const { engine, entrypoint } of ENTRIES) servers.push(await start(engine, entrypoint, photo));
  try {
    const rows: (string | number)[][] = [];
    for (const work of works) rows.push(...(await compare(servers, work)));
    console.log(`Requests to workerd over loopback, ${ROUNDS} rounds in turn\n`);
    console.log(
      table(['request', 'engine', 'min ms', 'median ms', 'CPU ms per request', 'dollars per million'], rows),
    );
    const memory = servers.map(({ engine, memory }) => [engine, ...memory.map((bytes) => bytes / 1e6)]);
    console.log(`\n${table(['engine', 'memory after features, MB', 'after scores, MB'], memory)}`);
  } finally {
    for (const { dispose } of servers) await dispose();
  }
  console.log(`\nThe first answer (features) of workerd, ${PROCESSES} processes of each engine in turn\n`);
  console.log(await firstAnswers(photo));
}

/** From the process's start: the script evaluated, then the model loaded with the answer. */
async function firstAnswers(photo: Uint8Array): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'vgg-edge-bench-'));
  try {
    const assets = stageAssets();
    const bundles = ENTRIES.map(({ engine, entrypoint }) => ({
      engine,
      config: bundle(entrypoint, assets, join(folder, engine)),
      answers: [] as FirstAnswer[],
    }));
    for (let round = 0; round < PROCESSES; round += 1) {
      for (const { config, answers } of bundles) {
        answers.push(await answerFirst(config, (url) => post(url, FEATURES, photo)));
      }
    }
    const rows = bundles.map(({ engine, answers }) => {
      const sorted = (part: keyof FirstAnswer) =>
        answers.map((answer) => answer[part]).toSorted((a, b) => a - b);
      const middle = (part: keyof FirstAnswer) => sorted(part)[answers.length >> 1] ?? Number.NaN;
      return [engine, middle('listening'), sorted('answered')[0] ?? 0, middle('answered'), middle('cpu')];
    });
    return table(
      ['engine', 'listens after, median ms', 'answered, min ms', 'median ms', 'CPU, median ms'],
      rows,
    );
  } finally {
    rmSync(folder, { recursive: true });
  }
}

/** One kind of request by each engine in turn. */
async function compare(servers: readonly Server[], { what, path, photo, stored }: Work) {
  const cpu = new Map<string, number[]>();
  let round = 0;
  const contestants = servers.map(({ engine, url, isolate }) => ({
    name: engine,
    async run() {
      round += 1;
      const before = cpuMilliseconds(isolate);
      await post(url, path, stored === true ? photo : unseen(photo, round));
      cpu.set(engine, [...(cpu.get(engine) ?? []), cpuMilliseconds(isolate) - before]);
    },
  }));
  const timings = await measure(contestants, { rounds: ROUNDS });
  for (const server of servers) {
    if ((path === FEATURES && server.memory.length === 0) || path === SCORES) {
      server.memory.push((await webAssemblyMemory(server.url)).engine);
    }
  }
  return timings.map(({ name, min, median }) => {
    const used = (cpu.get(name) ?? []).slice(-ROUNDS);
    const mean = used.reduce((sum, time) => sum + time, 0) / used.length;
    const dollars = 1e6 * (mean * DOLLARS_PER_CPU_MILLISECOND + DOLLARS_PER_REQUEST);
    return [what, name, min, median, mean, dollars];
  });
}

/** The same picture, for bytes after its end are not read, that no cache has seen. */
function unseen(photo: Uint8Array, round: number): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(photo.length + 2);
  bytes.set(photo);
  bytes.set([round & 255, round >> 8], photo.length);
  return bytes;
}

/** Starts the Worker, and lets it load the model. */
async function start(engine: string, entrypoint: string, photo: Uint8Array) {
  stageAssets();
  const others = new Set(descendants(process.pid, 'workerd'));
  const worker = await unstable_startWorker({
    config: join(ROOT, 'wrangler.toml'),
    entrypoint: join(ROOT, entrypoint),
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      inspector: false,
      watch: false,
      persist: false,
      logLevel: 'none',
    },
  });
  const url = (await worker.url).origin;
  await post(url, FEATURES, unseen(photo, 0));
  // wrangler puts a proxy before the Worker, in a process of its own, which does next to nothing.
  const isolate = descendants(process.pid, 'workerd')
    .filter((pid) => !others.has(pid))
    .toSorted((a, b) => cpuMilliseconds(b) - cpuMilliseconds(a))[0];
  if (isolate === undefined) throw new Error('Expected a process of workerd but found none.');
  const memory: number[] = [];
  return { engine, url, isolate, memory, dispose: () => worker.dispose() };
}

async function post(url: string, path: string, photo: Uint8Array): Promise<void> {
  const response = await fetch(`${url}${path}`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: new Uint8Array(photo),
  });
  if (!response.ok)
    throw new Error(`Expected an answer but found ${response.status}: ${await response.text()}`);
  await response.arrayBuffer();
}
