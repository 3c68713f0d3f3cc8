// `npm run check:memory [-- --images N] [--engine NAME]`: whether the memory of vgg-edge embed stays flat. Embeds
// 100,000 small photographs with the tiny model of the tests and prints the resident memory of the process
// for each tenth of the way; fails when it grows by more than 10 % after the first tenth. The model is tiny
// so that it takes minutes: what could grow is the runner's, not the network's.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { machine, table } from '../bench/measure.ts';
import { TINY, writePhotos } from '../test/runner/run-fixture.ts';

const DISTINCT = 1000;
const TENTHS = 10;
/** Growth allowed between the second tenth and any later one. */
const ALLOWED = 1.1;

const { values } = parseArgs({
  options: {
    images: { type: 'string', default: '100000' },
    engine: { type: 'string', default: 'winograd' },
  },
});
const images = Number(values.images);
const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-memory-'));
console.log(`Machine: ${machine()}`);
try {
  await makePhotos(join(folder, 'photos'));
  const tenths = await measure();
  console.log(
    table(
      ['images', 'resident MB, median', 'highest'],
      tenths.map((sizes, tenth) => [
        `up to ${Math.round(((tenth + 1) * images) / TENTHS)}`,
        megabytes(median(sizes)),
        megabytes(Math.max(...sizes)),
      ]),
    ),
  );
  const [, second = [], ...later] = tenths;
  const growth = Math.max(...later.map(median)) / median(second);
  const flat = growth <= ALLOWED;
  console.log(
    `\nLargest later median against that of the second tenth: ${growth.toFixed(3)} (at most ${ALLOWED})`,
  );
  process.exitCode = flat ? 0 : 1;
} finally {
  await rm(folder, { recursive: true });
}

/** Hard links: as many files, and little disk. */
async function makePhotos(photos: string): Promise<void> {
  const originals = join(folder, 'originals');
  await writePhotos(originals, DISTINCT);
  for (let index = 0; index < images; index += 1) {
    const place = join(photos, String(Math.floor(index / 1000)).padStart(5, '0'));
    if (index % 1000 === 0) await mkdir(place, { recursive: true });
    const name = `${String(index % DISTINCT).padStart(5, '0')}.jpg`;
    const original = join(originals, String(Math.floor((index % DISTINCT) / 10)).padStart(3, '0'), name);
    await link(original, join(place, name));
  }
}

/** Resident bytes, about one a second, by tenth of the way. */
async function measure(): Promise<number[][]> {
  const options = ['--model', TINY, '--engine', values.engine, '--json'];
  const main = join(import.meta.dirname, '../cli/main.ts');
  const child = spawn(
    process.execPath,
    [main, 'embed', join(folder, 'photos'), '--out', join(folder, 'out'), ...options],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  const tenths = Array.from({ length: TENTHS }, (): number[] => []);
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.event === 'end') console.log(`${event.items} inputs, ${event.vectors} vectors`);
    if (event.event !== 'progress') continue;
    const resident = await residentBytes(child.pid ?? 0);
    const tenth = Math.min(Math.floor((event.ended / images) * TENTHS), TENTHS - 1);
    if (resident !== undefined) tenths[tenth]?.push(resident);
  }
  const [code] = await exited;
  if (code !== 0) throw new Error(`Expected the run to end with 0 but it ended with ${code}`);
  return tenths;
}

/** Linux: the kernel's figure. */
async function residentBytes(pid: number): Promise<number | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const kilobytes = /^VmRSS:\s+(\d+) kB/m.exec(status)?.[1];
  return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
}

function median(sizes: readonly number[]): number {
  return sizes.toSorted((a, b) => a - b)[sizes.length >> 1] ?? Number.NaN;
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
