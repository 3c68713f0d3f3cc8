// `npm run fuzz [-- --format png --count 20000 --seed 1]`: damaged images against the edge's decoders. Fails on
// an exception that is no InputError, on two seconds without an answer, and on memory that stays behind.
// What it learned stands in .cache/fuzz; the same command goes on from there.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { Worker } from 'node:worker_threads';
import { createProgress } from '../cli/progress.ts';
import { type Corpus, openCorpus } from './corpus.ts';
import type { Task, Verdict } from './decode-thread.ts';
import { mutate } from './mutate.ts';

const FORMATS: Readonly<Record<string, RegExp>> = { jpeg: /\.jpe?g$/, png: /\.png$/, webp: /\.webp$/ };
const IMAGES = 'test/golden/images';
/** Small files are damaged where it matters, and quickly. */
const MAX_ORIGINAL_BYTES = 20_000;
/** Milliseconds without an answer. */
const PATIENCE = 2000;
/** Milliseconds for a collection of garbage and the answer. */
const MEASURING = 60_000;
const ROUND = 1000;
/** Bytes that may be held after a round more than after the first ones: buffers that are kept for the next image. */
const MAX_GROWTH = 16 * 1024 * 1024;

const { values } = parseArgs({
  options: {
    format: { type: 'string' },
    count: { type: 'string', default: '20000' },
    seed: { type: 'string', default: '1' },
    folder: { type: 'string', default: '.cache/fuzz' },
  },
});

let failed = false;
for (const [format, ending] of Object.entries(FORMATS)) {
  if (values.format !== undefined && values.format !== format) continue;
  const findings = await fuzz(format, ending, Number(values.count), Number(values.seed));
  failed ||= findings > 0;
}
process.exit(failed ? 1 : 0);

async function fuzz(format: string, ending: RegExp, count: number, seed: number): Promise<number> {
  const originals = readdirSync(IMAGES)
    .filter((name) => ending.test(name))
    .toSorted()
    .map((name) => new Uint8Array(readFileSync(join(IMAGES, name))))
    .filter(({ length }) => length <= MAX_ORIGINAL_BYTES);
  const corpus = openCorpus(join(values.folder, format), seed, originals);
  const progress = createProgress();
  let thread = startThread();
  let findings = 0;
  const found = (bytes: Uint8Array, what: string) => {
    findings += 1;
    console.error(`${format}: ${what.split('\n')[0]} → ${corpus.keepFinding(bytes, what)}`);
  };
  let baseline: number | undefined;
  // Two rounds warm up: caches fill and buffers reach their size.
  let warm = corpus.done + 2 * ROUND;
  progress.update(format, corpus.done, count);
  for (let index = corpus.done; index < count; index += 1) {
    const bytes = mutate(corpus.files, originals.length, seed * 2 ** 32 + index);
    const verdict = await thread.ask({ bytes });
    if (verdict === undefined) {
      found(bytes, `hang: no answer within ${PATIENCE} ms`);
      await thread.end();
      thread = startThread();
      baseline = undefined;
      warm = index + 1 + 2 * ROUND;
    } else if ('outcome' in verdict) {
      if (verdict.outcome.startsWith('crash')) found(bytes, verdict.outcome);
      corpus.record(bytes, verdict.outcome);
    }
    if ((index + 1) % ROUND === 0 || index + 1 === count) {
      const measured = await thread.ask('measure', MEASURING);
      if (measured === undefined || !('heldBytes' in measured)) {
        throw new Error(`The decoding thread did not tell its memory within ${MEASURING} ms.`);
      }
      const held = measured.heldBytes;
      if (index + 1 <= warm) baseline = Math.max(baseline ?? 0, held);
      else if (baseline !== undefined && held > baseline + MAX_GROWTH) {
        found(bytes, `memory: ${held} bytes held after ${index + 1} images, ${baseline} after the first`);
        baseline = held;
      }
      corpus.save(index + 1);
      progress.update(format, index + 1, count);
    }
  }
  await thread.end();
  summarise(format, corpus, findings);
  return findings;
}

function startThread() {
  const worker = new Worker(new URL('./decode-thread.ts', import.meta.url));
  return {
    /** Undefined when no answer comes in time. */
    ask(task: Task, patience = PATIENCE): Promise<Verdict | undefined> {
      return new Promise((resolve) => {
        const settle = (verdict: Verdict | undefined) => {
          clearTimeout(timer);
          worker.off('message', settle);
          worker.off('error', crashed);
          resolve(verdict);
        };
        const crashed = (error: Error) => settle({ outcome: `crash: ${error.stack}` });
        const timer = setTimeout(() => settle(undefined), patience);
        worker.once('message', settle);
        worker.once('error', crashed);
        worker.postMessage(task);
      });
    },
    async end() {
      await worker.terminate();
    },
  };
}

function summarise(format: string, { outcomes, files }: Corpus, findings: number): void {
  const rows = [...outcomes].toSorted(([, a], [, b]) => b - a);
  const total = rows.reduce((sum, [, count]) => sum + count, 0);
  console.log(
    `\n${format}: ${total} images, ${rows.length} outcomes, ${files.length} files in the corpus, ${findings} findings`,
  );
  for (const [outcome, count] of rows.slice(0, 12)) console.log(`${String(count).padStart(8)}  ${outcome}`);
}
