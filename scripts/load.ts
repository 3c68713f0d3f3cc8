// `npm run load [-- --target node --seconds 600]`: starts the Worker (or the Node server) on loopback, finds
// out how much it serves, then asks for twice as much. Everything but an answer, 429 or 503 is a failure, and
// so is memory that grows. Needs Linux, for it looks into the server's process. The numbers go into
// docs/deploy.md.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { machine, table } from '../bench/measure.ts';
import { cpuMilliseconds, descendants, residentBytes } from '../bench/process-usage.ts';
import { stageAssets } from './stage-assets.ts';

const ALLOWED = new Set(['200', '429', '503']);
/** Seconds of each look at how much the server takes. */
const CALIBRATION_SECONDS = 15;
/** So that a server whose pace drifts during the run is still asked for twice what it serves. */
const MARGIN = 1.2;
/** By how much of itself the process may have grown between the first and the last tenth of the run. */
const MAX_GROWTH = 0.15;
/** Milliseconds between two looks at the process. */
const SAMPLING = 1000;

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'worker' },
    seconds: { type: 'string', default: '600' },
    model: { type: 'string', default: 'models/default' },
  },
});
const seconds = Number(values.seconds);

/** Neither the rate limit nor stored answers may do the work that is to be measured. */
const VARIABLES = { CACHE_SECONDS: '0', RATE_LIMIT: '1000000', MAX_RUNNING: '2', MAX_WAITING: '6' };
/** What runs and what waits. */
const PLACES = 8;

const port = await freePort();
const address = `http://127.0.0.1:${port}`;
const server = values.target === 'node' ? startNode(values.model) : startWorker();
try {
  await untilReady();
  const body = readFileSync('samples/cat.jpg');
  const capacity = (await load({ connections: PLACES / 2, duration: CALIBRATION_SECONDS, body })).requests
    .average;
  const connections = await connectionsFor(2 * MARGIN * capacity, body);
  console.log(
    `${machine()}\n${values.target}: serves ${capacity.toFixed(1)} images/s; for ${seconds} s ${connections} connections ask once a second each`,
  );
  const pid = serverProcess();
  const samples: number[] = [];
  const sampling = setInterval(() => samples.push(residentBytes(pid)), SAMPLING);
  const before = await engineMemory();
  const result = await load({ connections, connectionRate: 1, duration: seconds, body });
  clearInterval(sampling);
  report(result, samples, [before, await engineMemory()]);
} finally {
  server.kill('SIGTERM');
}

function load(options: { connections: number; duration: number; connectionRate?: number; body: Buffer }) {
  return autocannon({
    url: `${address}/v1/embeddings?encoding_format=base64`,
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    timeout: 60,
    ...options,
  });
}

/**
 * As many as it takes to ask so often. A connection asks once a second unless it waits for its answer, and on
 * a busy machine refusals wait too: how many do is found by trying.
 */
async function connectionsFor(rate: number, body: Buffer): Promise<number> {
  let connections = PLACES + Math.ceil(rate);
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const result = await load({ connections, connectionRate: 1, duration: CALIBRATION_SECONDS, body });
    const asked = result.requests.average;
    if (asked >= rate) break;
    connections += Math.ceil((rate - asked) * 1.5);
  }
  return connections;
}

/** Where the answers are computed: below `wrangler dev`, the busiest workerd; its proxy is another. */
function serverProcess(): number {
  const pid = server.pid ?? 0;
  if (values.target === 'node') return pid;
  const found = descendants(pid, 'workerd').toSorted((a, b) => cpuMilliseconds(b) - cpuMilliseconds(a))[0];
  if (found === undefined) throw new Error('Expected a process of workerd but found none.');
  return found;
}

function report(
  result: autocannon.Result,
  samples: readonly number[],
  [before, after]: readonly [number, number],
): void {
  const statuses = Object.entries(result.statusCodeStats ?? {}).map(
    ([status, { count = 0 }]) => [status, count] as const,
  );
  const served = statuses.find(([status]) => status === '200')?.[1] ?? 0;
  const asked = result.requests.total / Math.max(1, served);
  console.log(
    `asked ${(result.requests.total / result.duration).toFixed(1)}/s, served ${(served / result.duration).toFixed(1)}/s: ${asked.toFixed(1)} times what was served\n`,
  );
  console.log(
    table(
      ['status', 'answers'],
      statuses.map(([status, count]) => [status, String(count)]),
    ),
  );
  const { latency } = result;
  console.log(
    table(
      ['latency of all answers, ms', ''],
      [
        ['median', latency.p50],
        ['90 %', latency.p90],
        ['99 %', latency.p99],
        ['maximum', latency.max],
      ],
    ),
  );
  const tenth = Math.max(1, Math.floor(samples.length / 10));
  const [first, last] = [median(samples.slice(0, tenth)), median(samples.slice(-tenth))];
  console.log(
    table(
      ['resident memory of the server, MB', ''],
      [
        ['at the start', (samples[0] ?? Number.NaN) / 1e6],
        ['median of the first tenth', first / 1e6],
        ['median of the last tenth', last / 1e6],
        ['maximum', Math.max(...samples) / 1e6],
      ],
    ),
  );
  console.log(
    `engine memory ${before} → ${after} bytes; ${result.errors} errors, ${result.timeouts} timeouts`,
  );
  const odd = statuses.filter(([status]) => !ALLOWED.has(status));
  const failures = [
    ...odd.map(([status, count]) => `${count} answers with status ${status}`),
    ...(result.errors > 0 ? [`${result.errors} connections failed`] : []),
    ...(asked < 2 ? [`only ${asked.toFixed(1)} times of what was served was asked for`] : []),
    ...(after > before ? [`the engine's memory grew by ${after - before} bytes`] : []),
    ...(last > first * (1 + MAX_GROWTH) ? [`the process grew from ${first} to ${last} bytes`] : []),
  ];
  for (const failure of failures) console.error(`✗ ${failure}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

function median(values: readonly number[]): number {
  return values.toSorted((a, b) => a - b)[values.length >> 1] ?? Number.NaN;
}

/** The engine's memory as /metrics tells it. */
async function engineMemory(): Promise<number> {
  const page = await (await fetch(`${address}/metrics`)).text();
  return Number(/^vgg_edge_engine_memory_bytes (\d+)/m.exec(page)?.[1] ?? 0);
}

function startWorker(): ChildProcess {
  stageAssets();
  const settings = Object.entries({ ...VARIABLES, RATE_PERIOD_SECONDS: '60' }).flatMap(([name, value]) => [
    '--var',
    `${name}:${value}`,
  ]);
  return spawn('wrangler', ['dev', '--ip=127.0.0.1', `--port=${port}`, '--log-level=error', ...settings], {
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false', CI: 'true' },
    stdio: 'ignore',
  });
}

function startNode(model: string): ChildProcess {
  return spawn(process.execPath, ['cli/main.ts', 'serve', model, '--port', String(port)], {
    // As the Dockerfile has it.
    env: { ...process.env, ...VARIABLES, MALLOC_ARENA_MAX: '2' },
    stdio: 'ignore',
  });
}

async function untilReady(): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    try {
      if ((await fetch(`${address}/readyz`)).ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('The server did not become ready within a minute.');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const found = probe.address();
      probe.close(() => resolve(typeof found === 'object' && found !== null ? found.port : 0));
    });
  });
}
