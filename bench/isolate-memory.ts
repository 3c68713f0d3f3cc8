// The memory of a Worker in the local runtime, part by part: JavaScript's by the inspector, WebAssembly's by
// the Worker's own metrics.

import { startInspected } from './inspector.ts';

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
  const { url, inspector, dispose } = await startInspected(assets, { CACHE_SECONDS: '0', MODEL: model });
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
      await dispose();
    },
  };
}

/** What the Worker's metrics say; NaN where they do not. */
export async function webAssemblyMemory(url: string): Promise<Pick<IsolateMemory, 'engine' | 'decoder'>> {
  const page = await (await fetch(`${url}/metrics`)).text();
  const gauge = (name: string) => Number(new RegExp(`^${name} (\\d+)`, 'm').exec(page)?.[1]);
  return { engine: gauge('vgg_edge_engine_memory_bytes'), decoder: gauge('vgg_edge_decoder_memory_bytes') };
}
