// The servers that `npm run load` puts under load, and what it looks at in them.

import { type ChildProcess, spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { openInspector } from '../bench/inspector.ts';
import {
  type IsolateMemory as MeasuredMemory,
  readGauges,
  webAssemblyMemory,
} from '../bench/isolate-memory.ts';
import { startDeployedWorker } from './deployed-worker.ts';

/** Bytes. */
export interface IsolateMemory extends MeasuredMemory {
  /** Pages of V8's heap without objects: at most what the heap may grow to, given back late. */
  readonly reserved: number;
}

/** What is in use, together. */
export function wholeOf({ heap, buffers, engine, decoder }: IsolateMemory): number {
  return heap + buffers + engine + decoder;
}

export interface LoadedServer {
  readonly url: string;
  readonly pid: number;
  /** Of the Worker's isolate; a process of Node has RSS alone. */
  readonly memory?: () => Promise<IsolateMemory>;
  /** The same after a forced collection, once all work is done. */
  readonly keptMemory?: () => Promise<IsolateMemory>;
  stop(): Promise<void>;
}

/** Ready to answer, its model loaded. */
export async function startLoaded(
  target: 'worker' | 'node',
  model: string,
  variables: Readonly<Record<string, string>>,
): Promise<LoadedServer> {
  const server = target === 'node' ? await startNode(model, variables) : await startWorker(variables);
  try {
    await untilReady(server.url);
  } catch (error) {
    await server.stop();
    throw error;
  }
  return server;
}

async function startWorker(variables: Readonly<Record<string, string>>): Promise<LoadedServer> {
  const { url, pid, inspector: inspectorUrl, stop } = await startDeployedWorker(variables);
  await untilReady(url);
  const inspector = await openInspector(inspectorUrl);
  const memory = async (): Promise<IsolateMemory> => {
    const { usedSize, totalSize, embedderHeapUsedSize, backingStorageSize } = await inspector.heapUsage();
    return {
      heap: usedSize + embedderHeapUsedSize,
      reserved: totalSize - usedSize,
      buffers: backingStorageSize,
      ...(await webAssemblyMemory(url)),
    };
  };
  return {
    url,
    pid,
    memory,
    async keptMemory() {
      await untilIdle(url);
      await inspector.collectGarbage();
      return await memory();
    },
    async stop() {
      inspector.close();
      await stop();
    },
  };
}

async function startNode(model: string, variables: Readonly<Record<string, string>>): Promise<LoadedServer> {
  const port = await freePort();
  const server = spawn(process.execPath, ['cli/main.ts', 'serve', model, '--port', String(port)], {
    // As the Dockerfile has it.
    env: { ...process.env, ...variables, MALLOC_ARENA_MAX: '2' },
    stdio: 'ignore',
  });
  return { url: `http://127.0.0.1:${port}`, pid: server.pid ?? 0, stop: () => ended(server) };
}

function ended(server: ChildProcess): Promise<void> {
  return new Promise((resolve) => {
    if (server.exitCode !== null) resolve();
    server.once('exit', () => resolve());
    server.kill('SIGTERM');
  });
}

async function untilReady(url: string): Promise<void> {
  for (let attempt = 0; attempt < 300; attempt += 1) {
    try {
      if ((await fetch(`${url}/readyz`)).ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
  throw new Error('The server did not become ready within a minute.');
}

/** Those whose clients left when the time was up may still be worked on. */
async function untilIdle(url: string): Promise<void> {
  for (let attempt = 0; attempt < 120; attempt += 1) {
    await new Promise((resolve) => setTimeout(resolve, 1000));
    const gauge = await readGauges(url);
    if (gauge('vgg_edge_requests_running') + gauge('vgg_edge_requests_waiting') === 0) return;
  }
  throw new Error('The server was still at work two minutes after the last request.');
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const found = probe.address();
      probe.close(() => resolve(typeof found === 'object' && found !== null ? found.port : 0));
    });
  });
}
