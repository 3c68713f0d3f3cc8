// What a request leaves behind in a Worker in the local runtime, by kind of request, each in a Worker of its
// own: V8's heap and buffers after a forced collection, and the resident memory of workerd's process, which
// holds more than the Worker. Needs Linux. `--requests=N` of each kind
// (above 270 the rate limit of 600 a minute may answer some), `--kinds=NAME,NAME` only these.

import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { stageAssets } from '../scripts/stage-assets.ts';
import { startAny, startInspected } from './inspector.ts';
import { table } from './measure.ts';
import { cpuMilliseconds, descendants, residentBytes } from './process-usage.ts';

const ROOT = join(import.meta.dirname, '..');
/** Requests before the first look, which fill counters and let V8 compile. */
const WARMUP = 40;

type Body = Uint8Array<ArrayBuffer>;

interface Kind {
  readonly name: string;
  readonly path: string;
  /** Without a body it is a GET. */
  readonly body?: () => Body;
  /** A Worker of three lines in place of this one. */
  readonly isControl?: boolean;
}

const CLASSIFY = '/v1/classify';

function kinds(image: Body): Kind[] {
  return [
    { name: 'control', path: '/', body: () => image, isControl: true },
    { name: 'metrics', path: '/metrics' },
    { name: 'not-found', path: '/nowhere' },
    { name: 'broken', path: CLASSIFY, body: () => image.subarray(0, 1000) },
    { name: 'classify', path: CLASSIFY, body: () => image },
  ];
}

export async function run(options: readonly string[]): Promise<void> {
  const option = (name: string) =>
    options.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3);
  const requests = Number(option('requests') ?? 240);
  const wanted = option('kinds')?.split(',');
  const assets = stageAssets();
  const image = new Uint8Array(await readFile(join(ROOT, 'samples/cat.jpg')));
  const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-growth-'));
  const rows = [];
  try {
    for (const kind of kinds(image)) {
      if (wanted !== undefined && !wanted.includes(kind.name)) continue;
      rows.push(await measureKind(kind, requests, assets, folder));
      console.error(rows.at(-1)?.join(' | '));
    }
  } finally {
    await rm(folder, { recursive: true });
  }
  console.log(
    table(
      ['requests', 'answers', 'kept, MB', 'B/request', 'JavaScript, MB', 'process, MB', 'KB/request'],
      rows,
    ),
  );
}

async function measureKind(kind: Kind, requests: number, assets: string, folder: string): Promise<string[]> {
  const { url, pid, inspector, dispose } = await start(kind, assets, folder);
  const statuses = new Map<number, number>();
  const send = async () => {
    const body = kind.body?.();
    const response = await fetch(
      `${url}${kind.path}`,
      body === undefined ? {} : { method: 'POST', headers: { 'content-type': 'image/jpeg' }, body },
    );
    await response.arrayBuffer();
    statuses.set(response.status, (statuses.get(response.status) ?? 0) + 1);
  };
  const sendAll = async (wanted: number) => {
    for (let done = 0; done < wanted; done += 1) await send();
  };
  const reserved = async () => {
    const { totalSize, embedderHeapUsedSize, backingStorageSize } = await inspector.heapUsage();
    return {
      process: residentBytes(pid()),
      javascript: totalSize + embedderHeapUsedSize + backingStorageSize,
    };
  };
  const kept = async () => {
    await inspector.collectGarbage();
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = await inspector.heapUsage();
    return usedSize + embedderHeapUsedSize + backingStorageSize;
  };
  try {
    await sendAll(WARMUP);
    // A collection takes a snapshot, which needs memory of its own: the process is looked at before the first.
    const before = await reserved();
    await sendAll(requests);
    const after = await reserved();
    const first = await kept();
    await sendAll(requests);
    const last = await kept();
    const arrow = (from: number, to: number) => `${(from / 1e6).toFixed(1)} → ${(to / 1e6).toFixed(1)}`;
    return [
      kind.name,
      [...statuses].map(([status, times]) => `${times} × ${status}`).join(', '),
      `${(first / 1e6).toFixed(3)} → ${(last / 1e6).toFixed(3)}`,
      ((last - first) / requests).toFixed(0),
      arrow(before.javascript, after.javascript),
      arrow(before.process, after.process),
      ((after.process - before.process) / requests / 1e3).toFixed(0),
    ];
  } finally {
    await dispose();
  }
}

async function start(kind: Kind, assets: string, folder: string) {
  const control = join(folder, 'control.js');
  await writeFile(
    control,
    `export default { async fetch(request) {
  return new Response(String((await request.arrayBuffer()).byteLength));
} };`,
  );
  const before = new Set(descendants(process.pid, 'workerd'));
  const worker = kind.isControl
    ? await startAny({ name: 'control', entrypoint: control, compatibilityDate: '2026-10-01' })
    : await startInspected(assets, { CACHE_SECONDS: '0' });
  const pid = () => {
    const [busiest] = descendants(process.pid, 'workerd')
      .filter((each) => !before.has(each))
      .toSorted((a, b) => cpuMilliseconds(b) - cpuMilliseconds(a));
    if (busiest === undefined) throw new Error('Expected a process of workerd but found none.');
    return busiest;
  };
  return { ...worker, pid };
}
