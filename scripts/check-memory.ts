// `npm run check:memory [-- --images N] [--engine NAME]`: whether the memory of vgg-edge embed stays flat. Embeds
// 100,000 small photographs with the tiny model of the tests and prints the memory of the process for each
// tenth of the way. It fails when it ever needs 10 % more than the most in the first tenth, or when a straight
// line through all that comes later rises by 10 % of that: it may be high at first and grow below. The model is
// tiny so that it takes minutes: what could grow is the runner's, not the network's. What counts is anonymous
// memory: pages of programs and libraries come and go as the kernel likes.

import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { link, mkdir, mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { parseArgs } from 'node:util';
import { machine, table } from '../bench/measure.ts';
import { TINY, writePhotos } from '../test/runner/run-fixture.ts';
import { median, slopeOf } from './trend.ts';

const DISTINCT = 1000;
const TENTHS = 10;
/** Of the highest of the first tenth. */
const ALLOWED = 0.1;

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
      ['images', 'anonymous MB, median', 'highest', 'with files, median'],
      tenths.map((sizes, tenth) => [
        `up to ${Math.round(((tenth + 1) * images) / TENTHS)}`,
        megabytes(median(sizes.map(({ anonymous }) => anonymous))),
        megabytes(Math.max(...sizes.map(({ anonymous }) => anonymous))),
        megabytes(median(sizes.map(({ resident }) => resident))),
      ]),
    ),
  );
  const [first = [], ...later] = tenths;
  const highest = (sizes: readonly Sizes[]) => Math.max(...sizes.map(({ anonymous }) => anonymous));
  const most = highest(first);
  const growth = Math.max(...later.map(highest)) / most - 1;
  const rise = riseOf(later.flat().map(({ anonymous }) => anonymous)) / most;
  console.log(`
Of the highest of the first tenth, at most ${ALLOWED}:
highest later, above it: ${growth.toFixed(3)}
rise of a straight line through all later ones: ${rise.toFixed(3)}`);
  // Comparisons that are false for NaN too: without samples nothing is flat.
  process.exitCode = growth <= ALLOWED && rise <= ALLOWED ? 0 : 1;
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

interface Sizes {
  readonly anonymous: number;
  readonly resident: number;
}

/** Bytes, about once a second, by tenth of the way. */
async function measure(): Promise<Sizes[][]> {
  const options = ['--model', TINY, '--engine', values.engine, '--json'];
  // As it is started from a shell; this Node runs it in that process.
  const program = join(import.meta.dirname, '../cli/vgg-edge.mjs');
  const child = spawn(
    process.execPath,
    [program, 'embed', join(folder, 'photos'), '--out', join(folder, 'out'), ...options],
    { stdio: ['ignore', 'pipe', 'inherit'] },
  );
  const exited = once(child, 'exit');
  const tenths = Array.from({ length: TENTHS }, (): Sizes[] => []);
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line);
    if (event.event === 'end') console.log(`${event.items} inputs, ${event.vectors} vectors`);
    if (event.event !== 'progress') continue;
    const sizes = await readSizes(child.pid ?? 0);
    const tenth = Math.min(Math.floor((event.ended / images) * TENTHS), TENTHS - 1);
    if (sizes !== undefined) tenths[tenth]?.push(sizes);
  }
  const [code] = await exited;
  if (code !== 0) throw new Error(`Expected the run to end with 0 but it ended with ${code}`);
  return tenths;
}

/** Linux: the kernel's figures. Undefined once the process has ended. */
async function readSizes(pid: number): Promise<Sizes | undefined> {
  const status = await readFile(`/proc/${pid}/status`, 'utf8').catch(() => '');
  const bytes = (name: string) => {
    const kilobytes = new RegExp(`^${name}:\\s+(\\d+) kB`, 'm').exec(status)?.[1];
    return kilobytes === undefined ? undefined : Number(kilobytes) * 1024;
  };
  const anonymous = bytes('RssAnon');
  const resident = bytes('VmRSS');
  return anonymous === undefined || resident === undefined ? undefined : { anonymous, resident };
}

/** End less beginning of the line through values at equal distances; NaN for fewer than two. */
function riseOf(values: readonly number[]): number {
  return values.length < 2 ? Number.NaN : slopeOf(values) * (values.length - 1);
}

function megabytes(bytes: number): string {
  return (bytes / 2 ** 20).toFixed(0);
}
