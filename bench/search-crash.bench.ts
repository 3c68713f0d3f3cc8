// Durable Objects killed (-9) amid upserts: what was acknowledged is there when the runtime starts again.
//
//   npm run bench -- search-crash [--rounds=3]

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { unstable_startWorker as startWorker } from 'wrangler';

const DIMENSIONS = 512;
const BATCH = 200;
const BATCHES_BEFORE_KILL = 5;

export async function run(options: readonly string[]): Promise<void> {
  const [only] = options;
  if (only?.startsWith('--writer=') === true) return write(only.slice(9));
  const rounds = Number(options.find((text) => text.startsWith('--rounds='))?.slice(9) ?? 3);
  const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-crash-'));
  try {
    let acknowledged = 0;
    for (let round = 1; round <= rounds; round += 1) {
      acknowledged = await writeUntilKilled(folder);
      const worker = await open(folder);
      const count = Number(await (await worker.fetch(`${target('/count')}&first=0`)).text());
      await worker.dispose();
      const lost = Math.max(0, acknowledged - count);
      console.log(`round ${round}: ${acknowledged} items acknowledged, ${count} found, ${lost} lost`);
      if (lost > 0) throw new Error('Acknowledged items were lost.');
    }
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

/** In a process group of its own, so that the runtime dies with the process that started it. */
async function writeUntilKilled(folder: string): Promise<number> {
  const main = join(import.meta.dirname, 'main.ts');
  const child = spawn(process.execPath, [main, 'search-crash', `--writer=${folder}`], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  let acknowledged = 0;
  let seen = 0;
  for await (const line of createInterface({ input: child.stdout })) {
    if (!line.startsWith('acknowledged ')) continue;
    acknowledged = Number(line.slice(13));
    seen += 1;
    if (seen === BATCHES_BEFORE_KILL && child.pid !== undefined) process.kill(-child.pid, 'SIGKILL');
  }
  return acknowledged;
}

/** Adds batches behind those there are, and says so of each. */
async function write(folder: string): Promise<void> {
  const worker = await open(folder);
  let count = Number(await (await worker.fetch(target('/count'))).text());
  for (;;) {
    const body = new Float32Array(BATCH * DIMENSIONS).map((_, index) => Math.sin(count + index));
    const response = await worker.fetch(`${target('/upsert')}&first=${count}`, { method: 'POST', body });
    if (!response.ok) throw new Error(`The Worker answered ${response.status}`);
    count += BATCH;
    process.stdout.write(`acknowledged ${count}\n`);
  }
}

function open(folder: string) {
  process.env.CLOUDFLARE_CF_FETCH_ENABLED ??= 'false';
  return startWorker({
    config: join(import.meta.dirname, 'search/worker/wrangler.toml'),
    dev: { logLevel: 'error', persist: folder, watch: false, server: { port: 0 }, inspector: false },
  });
}

function target(path: string): string {
  return `http://localhost${path}?dimensions=${DIMENSIONS}&shards=4`;
}
