// `npm run load [-- --target node --seconds 600]`: starts the Worker as it would be deployed (or the Node
// server) on loopback, finds out how much it serves, then asks for twice as much. Everything but an answer, 429
// or 503 is a failure, and so is memory that grows. Needs Linux, for it looks into the server's process. The
// numbers go into docs/deploy.md.

import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { machine, table } from '../bench/measure.ts';
import { residentBytes } from '../bench/process-usage.ts';
import { type IsolateMemory, type LoadedServer, startLoaded } from './loaded-server.ts';
import { MAX_GROWTH, type Trend, trendOf } from './trend.ts';

const ALLOWED = new Set(['200', '429', '503']);
/** Seconds of each look at how much the server takes. */
const CALIBRATION_SECONDS = 15;
/** So that a server whose pace drifts during the run is still asked for twice what it serves. */
const MARGIN = 1.2;
/** Milliseconds between two looks at the process, and at the isolate, whose work the look holds up. */
const SAMPLING = 1000;
const ISOLATE_SAMPLING = 5000;
const PROGRESS = 30_000;
/** Of a Cloudflare isolate, bytes. */
const ISOLATE_BYTES = 128 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    target: { type: 'string', default: 'worker' },
    seconds: { type: 'string', default: '600' },
    model: { type: 'string', default: 'models/default' },
    photo: { type: 'string', default: 'samples/cat.jpg' },
    path: { type: 'string', default: '/v1/analyze' },
  },
});
const seconds = Number(values.seconds);
const body = readFileSync(values.photo);

/** Neither the rate limit nor stored answers may do the work that is to be measured. */
const VARIABLES = { CACHE_SECONDS: '0', RATE_LIMIT: '1000000', MAX_RUNNING: '2', MAX_WAITING: '6' };
/** What runs and what waits. */
const PLACES = 8;

interface Samples {
  readonly resident: number[];
  readonly isolate: IsolateMemory[];
}

const server = await startLoaded(values.target === 'node' ? 'node' : 'worker', values.model, VARIABLES);
try {
  const capacity = (await load({ connections: PLACES / 2, duration: CALIBRATION_SECONDS })).requests.average;
  const connections = await connectionsFor(2 * MARGIN * capacity);
  console.log(
    `${machine()}\n${values.target}: serves ${capacity.toFixed(1)} images/s; for ${seconds} s ${connections} connections ask once a second each`,
  );
  const { result, samples, busy } = await run(server, connections);
  // At the end alone: a forced collection takes a snapshot, whose memory the process keeps.
  const kept = await server.keptMemory?.();
  console.log(`load average of the machine ${busy.map((each) => each.toFixed(1)).join(' → ')}`);
  const failures = [...reportAnswers(result), ...reportMemory(samples), ...reportKept(samples, kept)];
  for (const failure of failures) console.error(`✗ ${failure}`);
  if (failures.length === 0) console.log('✓ answers, 429 and 503 only; memory is flat');
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  await server.stop();
}

interface LoadResult extends autocannon.Result {
  /** Requests of `errors` that were never sent. */
  readonly unsent: number;
}

function load(options: {
  connections: number;
  duration: number;
  connectionRate?: number;
}): Promise<LoadResult> {
  return new Promise((resolve, reject) => {
    let unsent = 0;
    const running = autocannon(
      {
        url: `${server.url}${values.path}`,
        method: 'POST',
        headers: { 'content-type': 'image/jpeg' },
        body,
        timeout: 60,
        ...options,
      },
      (error: Error | null, result) => (error === null ? resolve({ ...result, unsent }) : reject(error)),
    );
    // A refusal closes its connection, for its body was not read, and autocannon may write there once more.
    running.on('reqError', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' && error.syscall === 'write') unsent += 1;
    });
  });
}

/**
 * As many as it takes to ask so often. A connection asks once a second unless it waits for its answer, and on
 * a busy machine refusals wait too: how many do is found by trying.
 */
async function connectionsFor(rate: number): Promise<number> {
  let connections = PLACES + Math.ceil(rate);
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const result = await load({ connections, connectionRate: 1, duration: CALIBRATION_SECONDS });
    const asked = result.requests.average;
    if (asked >= rate) break;
    connections = Math.ceil(connections * Math.min(3, (1.2 * rate) / Math.max(0.1, asked)));
  }
  return connections;
}

async function run({ pid, memory }: LoadedServer, connections: number) {
  const samples: Samples = { resident: [], isolate: [] };
  const timers = [setInterval(() => samples.resident.push(residentBytes(pid)), SAMPLING)];
  if (memory !== undefined) {
    const look = async () => {
      samples.isolate.push(await memory());
    };
    timers.push(setInterval(() => void look(), ISOLATE_SAMPLING));
  }
  const start = performance.now();
  const progress = () => {
    const [resident, isolate] = [samples.resident.at(-1) ?? 0, samples.isolate.at(-1)];
    const inIsolate =
      isolate === undefined ? '' : `, of it the isolate ${(wholeOf(isolate) / 1e6).toFixed(1)}`;
    const passed = (performance.now() - start) / 1000;
    console.error(`${passed.toFixed(0)} of ${seconds} s: ${(resident / 1e6).toFixed(0)} MB${inIsolate}`);
  };
  timers.push(setInterval(progress, PROGRESS));
  const started = loadavg()[0] ?? 0;
  const result = await load({ connections, connectionRate: 1, duration: seconds });
  for (const timer of timers) clearInterval(timer);
  return { result, samples, busy: [started, loadavg()[0] ?? 0] };
}

/** Prints what was answered, and how soon; gives what is wrong with it. */
function reportAnswers(result: LoadResult): string[] {
  const statuses = Object.entries(result.statusCodeStats ?? {}).map(
    ([status, { count = 0 }]) => [status, count] as const,
  );
  const served = statuses.find(([status]) => status === '200')?.[1] ?? 0;
  const asked = result.requests.total / Math.max(1, served);
  console.log(
    `asked ${(result.requests.total / result.duration).toFixed(1)}/s, served ${(served / result.duration).toFixed(1)}/s: ${asked.toFixed(1)} times what was served\n`,
  );
  const unanswered = result.errors - result.unsent;
  const rows = statuses.map(([status, count]) => [status, String(count)]);
  console.log(
    table(
      ['status', 'answers'],
      [...rows, ['no answer', String(unanswered)], ['of these, later than 60 s', String(result.timeouts)]],
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
  return [
    ...statuses
      .filter(([status]) => !ALLOWED.has(status))
      .map(([status, count]) => `${count} answers with status ${status}`),
    ...(unanswered > 0 ? [`${unanswered} requests without an answer`] : []),
    ...(asked < 2 ? [`only ${asked.toFixed(1)} times of what was served was asked for`] : []),
  ];
}

/** Prints how memory went; gives what has grown, and what is more than an isolate may have. */
function reportMemory({ resident, isolate }: Samples): string[] {
  const javascript = isolate.map(({ heap, buffers }) => heap + buffers);
  const whole = isolate.map(wholeOf);
  const trends: [string, Trend, number][] = [["the server's process (RSS)", trendOf(resident), SAMPLING]];
  if (isolate.length > 0) {
    trends.push(['the isolate: JavaScript and WebAssembly', trendOf(whole), ISOLATE_SAMPLING]);
    trends.push(['of it JavaScript, garbage included', trendOf(javascript), ISOLATE_SAMPLING]);
  }
  const most = Math.max(0, ...whole);
  console.log(
    table(
      ['memory, MB', 'first third', 'last third', 'most', 'line, KB/s', ''],
      trends.map(([name, { first, last, most, slope, isFlat }, every]) => [
        name,
        ...[first, last, most].map((bytes) => (bytes / 1e6).toFixed(1)),
        ((slope / every) * 1e3 * 1e-3).toFixed(1),
        isFlat ? 'flat' : 'grows',
      ]),
    ),
  );
  console.log(
    `Medians after a fifth of the time as warm-up; flat is at most ${MAX_GROWTH * 100} % more in the last third.`,
  );
  // Garbage comes and goes by more than that: what JavaScript keeps is judged after a collection.
  const [, ...isolates] = trends;
  const judged = [trends[0], isolates[0]].filter((each) => each !== undefined);
  return [
    ...judged.filter(([, { isFlat }]) => !isFlat).map(([name]) => `memory grows: ${name}`),
    ...(most > ISOLATE_BYTES ? [`the isolate held ${most} bytes, of ${ISOLATE_BYTES} that it may`] : []),
  ];
}

/** Prints what is left after a forced collection; it may not be more than was there early, garbage included. */
function reportKept({ isolate }: Samples, kept: number | undefined): string[] {
  if (kept === undefined) return [];
  const { first } = trendOf(isolate.map(wholeOf));
  console.log(`the isolate after a forced collection at the end: ${(kept / 1e6).toFixed(1)} MB`);
  return kept > first ? [`the isolate keeps ${kept} bytes, more than the ${first} of the first third`] : [];
}

function wholeOf({ heap, buffers, engine, decoder }: IsolateMemory): number {
  return heap + buffers + engine + decoder;
}
