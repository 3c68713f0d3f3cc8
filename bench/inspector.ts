// A connection to V8's inspector in workerd: what JavaScript's memory holds, and what of it is kept.

import * as z from 'zod';

/** What V8 tells of its own memory, bytes; WebAssembly's is not in it. */
export interface HeapUsage {
  /** Objects on V8's heap, those that wait for collection included. */
  readonly usedSize: number;
  /** What V8 has reserved for them. */
  readonly totalSize: number;
  /** Objects of the platform that JavaScript holds: requests, streams. */
  readonly embedderHeapUsedSize: number;
  /** ArrayBuffers. */
  readonly backingStorageSize: number;
}

export interface Inspector {
  heapUsage(): Promise<HeapUsage>;
  /** Everything that nobody holds any more is gone afterwards; lines of the log count as held by nobody. */
  collectGarbage(): Promise<void>;
  close(): void;
}

const usage = z.object({
  usedSize: z.number(),
  totalSize: z.number(),
  embedderHeapUsedSize: z.number(),
  backingStorageSize: z.number(),
});
const message = z.object({ id: z.number(), result: z.unknown().optional() });
const targets = z.tuple([z.object({ webSocketDebuggerUrl: z.string() })]);

/** `url` is of workerd itself, or of wrangler's proxy, which answers local origins only. */
export async function openInspector(url: URL | undefined): Promise<Inspector> {
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
  return {
    heapUsage: async () => usage.parse(await call('Runtime.getHeapUsage')),
    async collectGarbage() {
      await call('Runtime.discardConsoleEntries');
      // HeapProfiler.collectGarbage is never answered by workerd. A profile of allocations begins with a collection
      // when it is asked for; a snapshot would too, and leave the process a hundred megabytes larger.
      for (let round = 0; round < 2; round += 1) {
        await call('HeapProfiler.startSampling');
        await call('HeapProfiler.stopSampling');
      }
    },
    close: () => socket.close(),
  };
}
