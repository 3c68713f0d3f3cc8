// `npm run load [-- --target node --seconds 600]`: starts the Worker as it would be deployed (or the Node
// server) on loopback, finds out how much it serves, then asks for three times as much, and at least twice. Everything
// but an answer, 429 or 503 is a failure, and so is memory that grows (scripts/judge-memory.ts); a request that is on
// its way when a refusal closes the connection is sent again, and not counted. Needs Linux, for it looks into the
// server's process. The numbers go into docs/deploy.md.

import type { EventEmitter } from 'node:events';
import { readFileSync } from 'node:fs';
import { loadavg } from 'node:os';
import { parseArgs } from 'node:util';
import autocannon from 'autocannon';
import { machine, table } from '../bench/measure.ts';
import { residentBytes } from '../bench/process-usage.ts';
import { type MemorySamples, reportMemory } from './judge-memory.ts';
import { type IsolateMemory, startLoaded, wholeOf } from './loaded-server.ts';

const ALLOWED = new Set(['200', '429', '503']);
/** Seconds of the look at how much the server serves, and of each at how much more is asked for. */
const CAPACITY_SECONDS = 15;
const OVERLOAD_SECONDS = 45;
/** Times what is served that is asked for at least, and what is aimed at: a machine may slow down meanwhile. */
const OVERLOAD = 2;
const AIM = 3;
/** Parts of the run; between them the server is left alone, so that what it keeps can be told. */
const PARTS = 2;
/** Seconds between two looks at the process and its isolate, whose work the look holds up. */
const SAMPLING = 2;
const PROGRESS = 30;

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

const server = await startLoaded(values.target === 'node' ? 'node' : 'worker', values.model, VARIABLES);
try {
  const capacity = servedOf(await load({ connections: PLACES / 2, duration: CAPACITY_SECONDS }));
  const connections = await connectionsFor(capacity / CAPACITY_SECONDS);
  console.log(
    `${machine()}\n${values.target}: serves ${(capacity / CAPACITY_SECONDS).toFixed(1)} images/s; for ${seconds} s ${connections} connections ask once a second each`,
  );
  const busy = [loadavg()[0] ?? 0];
  const { answers, samples } = await run(connections);
  busy.push(loadavg()[0] ?? 0);
  console.log(`load average of the machine ${busy.map((each) => each.toFixed(1)).join(' → ')}`);
  const failures = [...reportAnswers(answers), ...reportMemory(samples)];
  for (const failure of failures) console.error(`✗ ${failure}`);
  if (failures.length === 0) console.log('✓ answers, 429 and 503 only; memory does not grow');
  process.exitCode = failures.length === 0 ? 0 : 1;
} finally {
  await server.stop();
}

interface Answers {
  /** Milliseconds of each, by status. */
  readonly times: ReadonlyMap<string, readonly number[]>;
  /** Requests that were sent and not answered, and those of them that waited for a minute. */
  unanswered: number;
  late: number;
}

function servedOf({ times }: Answers): number {
  return times.get('200')?.length ?? 0;
}

function askedOf({ times }: Answers): number {
  return [...times.values()].flat().length;
}

/** How many times what was served was asked for. */
function overloadOf(answers: Answers): number {
  return askedOf(answers) / Math.max(1, servedOf(answers));
}

async function load(options: {
  connections: number;
  duration: number;
  connectionRate?: number;
}): Promise<Answers> {
  const times = new Map<string, number[]>();
  let unsent = 0;
  const sent = new Map<unknown, number>();
  const result = await new Promise<autocannon.Result>((resolve, reject) => {
    const running = autocannon(
      {
        url: `${server.url}${values.path}`,
        method: 'POST',
        headers: { 'content-type': 'image/jpeg' },
        body,
        timeout: 60,
        // Not autocannon's own times: where a refusal closes the connection on the next request, it takes that one's
        // beginning for the beginning of all that follow.
        setupClient: (client: EventEmitter) =>
          client.on('request', () => sent.set(client, performance.now())),
        ...options,
      },
      (error: Error | null, result) => (error === null ? resolve(result) : reject(error)),
    );
    running.on('response', (client, status) => {
      const time = performance.now() - (sent.get(client) ?? Number.NaN);
      const all = times.get(String(status)) ?? [];
      all.push(time);
      times.set(String(status), all);
    });
    // A refusal closes its connection, for its body was not read, and autocannon may write there once more.
    running.on('reqError', (error: NodeJS.ErrnoException) => {
      if (error.code === 'EPIPE' && error.syscall === 'write') unsent += 1;
    });
  });
  const { errors, timeouts: late } = result;
  return { times, unanswered: errors - unsent, late };
}

/**
 * As many as it takes to ask so much more than is served. A connection asks once a second unless it waits for its
 * answer, and on a busy machine refusals wait too: how many do is found by trying.
 */
async function connectionsFor(capacity: number): Promise<number> {
  let connections = PLACES + Math.ceil(AIM * capacity);
  for (let attempt = 0; attempt < 4; attempt += 1) {
    const factor = overloadOf(await load({ connections, connectionRate: 1, duration: OVERLOAD_SECONDS }));
    if (factor >= AIM) break;
    connections = Math.ceil(connections * Math.min(3, (1.2 * AIM) / factor));
  }
  return connections;
}

async function run(connections: number): Promise<{ answers: Answers; samples: MemorySamples }> {
  const { pid, memory, keptMemory } = server;
  const resident: number[] = [];
  const isolate: IsolateMemory[] = [];
  const kept: IsolateMemory[] = [];
  const keep = async () => {
    if (keptMemory !== undefined) kept.push(await keptMemory());
  };
  const start = performance.now();
  const progress = () => {
    const last = isolate.at(-1);
    const inIsolate = last === undefined ? '' : `, of it the isolate ${(wholeOf(last) / 1e6).toFixed(1)}`;
    const passed = (performance.now() - start) / 1000;
    console.error(
      `${passed.toFixed(0)} of ${seconds} s: ${((resident.at(-1) ?? 0) / 1e6).toFixed(0)} MB${inIsolate}`,
    );
  };
  const look = async () => {
    const seen = await memory?.();
    if (seen !== undefined) isolate.push(seen);
    resident.push(residentBytes(pid));
  };
  const parts: Answers[] = [];
  await keep();
  for (let part = 0; part < PARTS; part += 1) {
    const timers = [setInterval(() => void look(), SAMPLING * 1000), setInterval(progress, PROGRESS * 1000)];
    parts.push(await load({ connections, connectionRate: 1, duration: seconds / PARTS }));
    for (const timer of timers) clearInterval(timer);
    await keep();
  }
  return {
    answers: joined(parts),
    samples: { every: SAMPLING, resident, isolate, kept },
  };
}

function joined(parts: readonly Answers[]): Answers {
  const sum = (count: (part: Answers) => number) => parts.reduce((total, part) => total + count(part), 0);
  const found = new Set(parts.flatMap(({ times }) => [...times.keys()]));
  return {
    times: new Map(
      [...found].toSorted().map((status) => [status, parts.flatMap(({ times }) => times.get(status) ?? [])]),
    ),
    unanswered: sum(({ unanswered }) => unanswered),
    late: sum(({ late }) => late),
  };
}

/** Prints what was answered, and how soon; gives what is wrong with it. */
function reportAnswers(answers: Answers): string[] {
  const { times, unanswered, late } = answers;
  const factor = overloadOf(answers);
  console.log(
    `asked ${(askedOf(answers) / seconds).toFixed(1)}/s, served ${(servedOf(answers) / seconds).toFixed(1)}/s: ${factor.toFixed(2)} times what was served\n`,
  );
  const rows = [...times].map(([status, all]) => {
    const sorted = all.toSorted((a, b) => a - b);
    const quantile = (part: number) =>
      (sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? 0).toFixed(0);
    return [status, String(all.length), ...[0.5, 0.9, 0.99, 1].map(quantile)];
  });
  const without = (name: string, count: number) => [name, String(count), '', '', '', ''];
  console.log(
    table(
      ['status', 'answers', 'median, ms', '90 %', '99 %', 'most'],
      [...rows, without('no answer', unanswered), without('of these, later than 60 s', late)],
    ),
  );
  const unexpected = [...times].filter(([status]) => !ALLOWED.has(status));
  return [
    ...unexpected.map(([status, all]) => `${all.length} answers with status ${status}`),
    ...(unanswered > 0 ? [`${unanswered} requests without an answer`] : []),
    ...(factor < OVERLOAD ? [`only ${factor.toFixed(2)} times of what was served was asked for`] : []),
  ];
}
