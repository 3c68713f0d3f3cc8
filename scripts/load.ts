// `npm run load [-- --target node --seconds 600]`: starts the Worker (or the Node server) on loopback, finds
// out how much it serves, then asks for twice as much. Everything but an answer, 429 or 503 is a failure, and
// so is memory that grows. The numbers go into docs/deploy.md.

import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { machine, table } from '../bench/measure.ts';
import { stageAssets } from './stage-assets.ts';

const PORT = 8797;
const URL_BASE = `http://127.0.0.1:${PORT}`;
const ALLOWED = new Set(['200', '429', '503']);
/** Bytes by which the engine's memory may differ between the start and the end of the run. */
const MAX_GROWTH = 8 * 1024 * 1024;
/** Requests a second while the server is measured: more than it serves, so that it is never idle. */
const CALIBRATION_CONNECTIONS = 4;
const CALIBRATION_SECONDS = 15;

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

const server = values.target === 'node' ? startNode(values.model) : startWorker();
try {
  await untilReady();
  const body = readFileSync('samples/cat.jpg');
  const calibration = { connections: CALIBRATION_CONNECTIONS, duration: CALIBRATION_SECONDS };
  const capacity = (await load({ ...calibration, body })).requests.average;
  // Each connection asks once a second, unless it waits for an answer: as many as there are places may wait.
  const connections = PLACES + Math.ceil(capacity * 2);
  console.log(
    `${machine()}\n${values.target}: serves ${capacity.toFixed(1)} images/s; now at least ${connections - PLACES}/s for ${seconds} s`,
  );
  const before = await memory();
  const result = await load({ connections, connectionRate: 1, duration: seconds, body });
  const after = await memory();
  report(result, before, after);
} finally {
  server.kill('SIGTERM');
}

function load(options: { connections: number; duration: number; connectionRate?: number; body: Buffer }) {
  return autocannon({
    url: `${URL_BASE}/v1/embeddings?encoding_format=base64`,
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    timeout: 60,
    ...options,
  });
}

function report(result: autocannon.Result, before: number, after: number): void {
  const statuses = Object.entries(result.statusCodeStats ?? {}).map(
    ([status, { count = 0 }]) => [status, count] as const,
  );
  console.log(table(['status', 'answers'], statuses));
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
  console.log(
    `engine memory ${before} → ${after} bytes; ${result.errors} errors, ${result.timeouts} timeouts`,
  );
  const odd = statuses.filter(([status]) => !ALLOWED.has(status));
  const failures = [
    ...odd.map(([status, count]) => `${count} answers with status ${status}`),
    ...(result.errors > 0 ? [`${result.errors} connections failed`] : []),
    ...(after - before > MAX_GROWTH ? [`memory grew by ${after - before} bytes`] : []),
  ];
  for (const failure of failures) console.error(`✗ ${failure}`);
  process.exitCode = failures.length === 0 ? 0 : 1;
}

/** The engine's memory as /metrics tells it. */
async function memory(): Promise<number> {
  const page = await (await fetch(`${URL_BASE}/metrics`)).text();
  return Number(/^vgg_edge_engine_memory_bytes (\d+)/m.exec(page)?.[1] ?? 0);
}

function startWorker(): ChildProcess {
  stageAssets();
  const settings = Object.entries({ ...VARIABLES, RATE_PERIOD_SECONDS: '60' }).flatMap(([name, value]) => [
    '--var',
    `${name}:${value}`,
  ]);
  return spawn('wrangler', ['dev', '--ip=127.0.0.1', `--port=${PORT}`, '--log-level=error', ...settings], {
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CLOUDFLARE_CF_FETCH_ENABLED: 'false', CI: 'true' },
    stdio: 'ignore',
  });
}

function startNode(model: string): ChildProcess {
  return spawn(process.execPath, ['cli/main.ts', 'serve', model, '--port', String(PORT)], {
    env: { ...process.env, ...VARIABLES },
    stdio: 'ignore',
  });
}

async function untilReady(): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    try {
      if ((await fetch(`${URL_BASE}/readyz`)).ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('The server did not become ready within a minute.');
}
