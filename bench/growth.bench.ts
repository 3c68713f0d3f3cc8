// What a request leaves behind in a Worker as it is deployed, by kind of request (growth-kinds.ts), each in a Worker of
// its own: V8's heap and buffers and WebAssembly after a forced collection, and the resident memory of workerd's
// process, before, amid and after. What is there once (compiled code) comes in the first half; what each request leaves
// comes in the second too. Needs Linux. `--requests=N` of each kind, `--kinds=NAME,NAME` only these.

import { readFile, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { startDeployedWorker, startWorkerd } from '../scripts/deployed-worker.ts';
import { startCacheServer } from './cache-server.ts';
import { growthKinds, type Kind } from './growth-kinds.ts';
import { openInspector } from './inspector.ts';
import { webAssemblyMemory } from './isolate-memory.ts';
import { machine, table } from './measure.ts';
import { residentBytes } from './process-usage.ts';

const ROOT = join(import.meta.dirname, '..');
/** Requests before the first look, which fill counters and let V8 compile. */
const WARMUP = 100;
/** Milliseconds between two looks at what is held. */
const SAMPLING = 20;
/** Milliseconds until what was given up by its client is over. */
const SETTLING = 5000;
/** Two places to run and six to wait, and an hour for stored answers. */
const VARIABLES = { RATE_LIMIT: '1000000', MAX_RUNNING: '2', MAX_WAITING: '6' };

export async function run(options: readonly string[]): Promise<void> {
  const option = (name: string) =>
    options.find((each) => each.startsWith(`--${name}=`))?.slice(name.length + 3);
  const requests = Number(option('requests') ?? 240);
  const wanted = option('kinds')?.split(',');
  const image = new Uint8Array(await readFile(join(ROOT, 'samples/cat.jpg')));
  const rows = [];
  for (const kind of growthKinds(image)) {
    if (wanted !== undefined && !wanted.includes(kind.name)) continue;
    rows.push(await measureKind(kind, requests));
    console.error(rows.at(-1)?.join(' | '));
  }
  console.log(machine());
  console.log(
    table(
      [
        'requests',
        'answers',
        'kept, MB: before → half → all',
        'B/request, 2nd half',
        'held at most, MB',
        'process, MB',
        'KB/request, 2nd half',
      ],
      rows,
    ),
  );
}

async function measureKind(kind: Kind, requests: number): Promise<string[]> {
  const cache = kind.isCached ? await startCacheServer() : undefined;
  const { url, pid, inspector: inspectorUrl, stop } = await start(kind, cache?.address);
  const inspector = await openInspector(inspectorUrl);
  const answers = new Map<string, number>();
  /** How many were sent: whole groups. */
  const sendAll = async (wanted: number) => {
    let sent = 0;
    while (sent < wanted) {
      const group = Array.from({ length: kind.together ?? 1 }, () => kind.send(url));
      for (const answer of await Promise.all(group)) answers.set(answer, (answers.get(answer) ?? 0) + 1);
      sent += group.length;
    }
    return sent;
  };
  const held = async () => {
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = await inspector.heapUsage();
    return usedSize + embedderHeapUsedSize + backingStorageSize;
  };
  const webAssembly = async () => {
    const { engine, decoder } = kind.isControl ? { engine: 0, decoder: 0 } : await webAssemblyMemory(url);
    return engine + decoder;
  };
  const settled = async () => {
    await new Promise((resolve) => setTimeout(resolve, SETTLING));
    const wasm = await webAssembly();
    await inspector.collectGarbage();
    return { kept: (await held()) + wasm, process: residentBytes(pid) };
  };
  let most = 0;
  const timer = setInterval(() => {
    void held().then((bytes) => {
      most = Math.max(most, bytes);
    });
  }, SAMPLING);
  try {
    await sendAll(WARMUP);
    const before = await settled();
    answers.clear();
    most = 0;
    const first = await sendAll(requests / 2);
    const half = await settled();
    const second = await sendAll(Math.max(1, requests - first));
    const all = await settled();
    const steps = (part: 'kept' | 'process', digits: number) =>
      [before, half, all].map((look) => (look[part] / 1e6).toFixed(digits)).join(' → ');
    return [
      kind.name,
      [...answers].map(([answer, times]) => `${times} × ${answer}`).join(', '),
      steps('kept', 3),
      ((all.kept - half.kept) / second).toFixed(0),
      ((most + (await webAssembly())) / 1e6).toFixed(1),
      steps('process', 1),
      ((all.process - half.process) / second / 1e3).toFixed(1),
    ];
  } finally {
    clearInterval(timer);
    inspector.close();
    await stop();
    cache?.stop();
  }
}

async function start({ isControl }: Kind, cache: string | undefined) {
  if (!isControl) {
    const worker = await startDeployedWorker(
      { ...VARIABLES, CACHE_SECONDS: cache === undefined ? '0' : '3600' },
      cache,
    );
    // Loads the network.
    await (await fetch(`${worker.url}/readyz`)).arrayBuffer();
    return worker;
  }
  return await startWorkerd(async (folder) => {
    const code = `export default { async fetch(request) {
  return new Response(String((await request.arrayBuffer()).byteLength));
} };`;
    await writeFile(join(folder, 'control.js'), code);
    const modules = '(name = "control.js", esModule = embed "control.js")';
    return `(name = "main", worker = (modules = [${modules}], compatibilityDate = "2026-10-01"))`;
  });
}
