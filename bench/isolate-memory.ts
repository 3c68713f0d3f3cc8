// The memory of a Worker in the local runtime, part by part: JavaScript's by the inspector, WebAssembly's by
// the Worker's own metrics.

import { join } from 'node:path';
import { unstable_startWorker as startWorker } from 'wrangler';
import { openInspector } from './inspector.ts';

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

const EVERY_MS = 10;

/** The Worker of wrangler.toml over the given assets; nothing is cached. */
export async function startMeasured(assets: string, model: string): Promise<MeasuredWorker> {
  // wrangler would ask the network for a sample of Cloudflare's request data.
  process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false';
  const worker = await startWorker({
    config: join(ROOT, 'wrangler.toml'),
    entrypoint: join(ROOT, 'worker/index.ts'),
    assets,
    bindings: {
      CACHE_SECONDS: { type: 'plain_text', value: '0' },
      MODEL: { type: 'plain_text', value: model },
    },
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
    const { usedSize, embedderHeapUsedSize, backingStorageSize } = await inspector.heapUsage();
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
      return { ...most, ...(await webAssemblyMemory(url)) };
    },
    async dispose() {
      clearInterval(timer);
      inspector.close();
      await worker.dispose();
    },
  };
}

export async function webAssemblyMemory(url: string): Promise<Pick<IsolateMemory, 'engine' | 'decoder'>> {
  const gauge = await readGauges(url);
  return { engine: gauge('vgg_edge_engine_memory_bytes'), decoder: gauge('vgg_edge_decoder_memory_bytes') };
}

/** What the Worker's metrics say now, by name; NaN for what they do not name. */
export async function readGauges(url: string): Promise<(name: string) => number> {
  const page = await (await fetch(`${url}/metrics`)).text();
  return (name) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(page)?.[1]);
}
