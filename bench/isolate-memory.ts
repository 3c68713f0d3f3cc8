// The memory of a Worker in the local runtime, part by part: JavaScript's by the inspector, WebAssembly's by
// the Worker's own metrics.

import { join } from 'node:path';
import { unstable_startWorker as startWorker } from 'wrangler';
import { z } from 'zod';

const ROOT = join(import.meta.dirname, '..');

/** Bytes. */
export interface IsolateMemory {
  /** Objects on V8's heap, those that wait for collection included. */
  readonly heap: number;
  /** ArrayBuffers. */
  readonly buffers: number;
  /** WebAssembly: the network's, and the image decoders'. */
  readonly engine: number;
  readonly decoder: number;
}

export interface MeasuredWorker {
  readonly url: string;
  /** The most of each part of JavaScript's memory since the start, as far as was seen; WebAssembly's never shrinks. */
  memory(): Promise<IsolateMemory>;
  dispose(): Promise<void>;
}

/** What V8's inspector answers; it does not count WebAssembly's memory. */
const usage = z.object({
  usedSize: z.number(),
  embedderHeapUsedSize: z.number(),
  backingStorageSize: z.number(),
});
const message = z.object({ id: z.number(), result: z.unknown() });
const targets = z.tuple([z.object({ webSocketDebuggerUrl: z.string() })]);

const EVERY_MS = 10;

/** The Worker of wrangler.toml over the given assets; nothing is cached. */
export async function startMeasured(assets: string, model: string): Promise<MeasuredWorker> {
  // wrangler would ask the network for a sample of Cloudflare's request data.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false';
  const text = (value: string) => ({ type: 'plain_text' as const, value });
  const worker = await startWorker({
    config: join(ROOT, 'wrangler.toml'),
    entrypoint: join(ROOT, 'worker/index.ts'),
    assets,
    bindings: { CACHE_SECONDS: text('0'), MODEL: text(model) },
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      inspector: { hostname: '127.0.0.1', port: 0 },
      watch: false,
      persist: false,
      logLevel: 'none',
    },
  });
  const url = (await worker.url).origin;
  const inspector = await openInspector(await worker.inspectorUrl);
  let most = { heap: 0, buffers: 0 };
  const sample = async () => {
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = usage.parse(
      await inspector.call('Runtime.getHeapUsage'),
    );
    most = {
      heap: Math.max(most.heap, usedSize + embedderHeapUsedSize),
      buffers: Math.max(most.buffers, backingStorageSize),
    };
  };
  const timer = setInterval(() => void sample().catch(() => {}), EVERY_MS);
  return {
    url,
    async memory() {
      await sample();
      const page = await (await fetch(`${url}/metrics`)).text();
      const gauge = (name: string) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(page)?.[1]);
      return {
        ...most,
        engine: gauge('vgg_edge_engine_memory_bytes'),
        decoder: gauge('vgg_edge_decoder_memory_bytes'),
      };
    },
    async dispose() {
      clearInterval(timer);
      inspector.close();
      await worker.dispose();
    },
  };
}

/** A connection to the isolate's inspector through wrangler's, which answers local origins only. */
async function openInspector(url: URL | undefined) {
  if (url === undefined) throw new TypeError('wrangler gave no inspector.');
  const [target] = targets.parse(await (await fetch(`http://${url.host}/json`)).json());
  const socket = new WebSocket(target.webSocketDebuggerUrl, { headers: { origin: 'http://127.0.0.1' } });
  const waiting = new Map<number, (result: unknown) => void>();
  socket.addEventListener('message', ({ data }) => {
    const answer = message.safeParse(JSON.parse(String(data)));
    if (!answer.success) return;
    waiting.get(answer.data.id)?.(answer.data.result);
    waiting.delete(answer.data.id);
  });
  await new Promise((resolve, reject) => {
    socket.addEventListener('open', resolve, { once: true });
    socket.addEventListener('error', reject, { once: true });
  });
  let id = 0;
  const call = (method: string) =>
    new Promise<unknown>((resolve) => {
      id += 1;
      waiting.set(id, resolve);
      socket.send(JSON.stringify({ id, method }));
    });
  await call('Runtime.enable');
  return { call, close: () => socket.close() };
}
