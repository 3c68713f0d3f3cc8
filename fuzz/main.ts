// `npm run fuzz [-- --format png --count 20000 --seed 1]`: damaged images against the edge's decoders. Fails on
// an exception that is no InputError, on two seconds without an answer, and on memory that stays behind.
// What it learned stands in .cache/fuzz; the same command goes on from there.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { UsageError, wholeNumber } from '../cli/command.ts';
import { createProgress } from '../cli/progress.ts';
import { type Corpus, openCorpus } from './corpus.ts';
import { grownMemory, isWrong, openFindings } from './findings.ts';
import { mutate } from './mutate.ts';
import { watchDecoder } from './watched-decoder.ts';

const FORMATS: Readonly<Record<string, RegExp>> = { jpeg: /\.jpe?g$/, png: /\.png$/, webp: /\.webp$/ };
const IMAGES = 'test/golden/images';
/** Small files are damaged where it matters, and quickly. */
const MAX_ORIGINAL_BYTES = 20_000;
const ROUND = 1000;
/** Bytes that may be held after a round more than after the first ones: buffers that are kept for the next image. */
const MAX_GROWTH = 16 * 1024 * 1024;
/** Images of one seed, so that no two seeds give the same. */
const MAX_COUNT = 2 ** 32;

interface Options {
  readonly formats: readonly string[];
  readonly count: number;
  readonly seed: number;
  readonly folder: string;
}

try {
  process.exitCode = await main(parse(process.argv.slice(2)));
} catch (error) {
  if (!(error instanceof UsageError)) throw error;
  console.error(
    `${error.message}\nnpm run fuzz [-- --format ${Object.keys(FORMATS).join('|')} --count 20000 --seed 1 --folder .cache/fuzz]`,
  );
  process.exitCode = 2;
}

/** Throws UsageError. */
function parse(args: string[]): Options {
  const { format, folder = '.cache/fuzz', ...numbers } = read(args);
  if (format !== undefined && !Object.hasOwn(FORMATS, format)) {
    throw new UsageError(
      `Expected one of ${Object.keys(FORMATS).join(', ')} for --format but found '${format}'.`,
    );
  }
  return {
    formats: format === undefined ? Object.keys(FORMATS) : [format],
    count: wholeNumber(numbers, 'count', { max: MAX_COUNT }) ?? 20_000,
    seed: wholeNumber(numbers, 'seed', { max: 2 ** 20 }) ?? 1,
    folder,
  };
}

function read(args: string[]) {
  const option = { type: 'string' } as const;
  try {
    return parseArgs({ args, options: { format: option, count: option, seed: option, folder: option } })
      .values;
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

/** The exit code. */
async function main({ formats, ...options }: Options): Promise<number> {
  let wrong = 0;
  for (const format of formats) wrong += await fuzz(format, options);
  return wrong > 0 ? 1 : 0;
}

/** How many files are wrong. */
async function fuzz(format: string, { count, seed, folder }: Omit<Options, 'formats'>): Promise<number> {
  const originals = readdirSync(IMAGES)
    .filter((name) => FORMATS[format]?.test(name))
    .toSorted()
    .map((name) => new Uint8Array(readFileSync(join(IMAGES, name))))
    .filter(({ length }) => length <= MAX_ORIGINAL_BYTES);
  const corpus = openCorpus(join(folder, format, String(seed)), originals);
  const findings = openFindings(join(folder, format, 'findings'), (line) =>
    console.error(`${format}: ${line}`),
  );
  const progress = createProgress();
  const decoder = await watchDecoder(new URL('./decode-thread.ts', import.meta.url));
  await findings.retry(async (bytes) => (await decoder.decode(bytes)).outcome);
  let baseline: number | undefined;
  // Two rounds warm up: caches fill and buffers reach their size.
  let warm = corpus.done + 2 * ROUND;
  progress.update(format, corpus.done, count);
  for (let index = corpus.done; index < count; index += 1) {
    const bytes = mutate(corpus.files, originals.length, seed * MAX_COUNT + index);
    const { outcome, replaced } = await decoder.decode(bytes);
    if (isWrong(outcome)) findings.keep(bytes, outcome);
    else corpus.record(bytes, outcome);
    if (replaced) {
      baseline = undefined;
      warm = index + 1 + 2 * ROUND;
    }
    if ((index + 1) % ROUND === 0 || index + 1 === count) {
      const held = await decoder.heldBytes();
      if (index + 1 <= warm) baseline = Math.max(baseline ?? 0, held);
      else if (baseline !== undefined && held > baseline + MAX_GROWTH) {
        findings.keep(bytes, grownMemory(held, index + 1, baseline));
        baseline = held;
      }
      corpus.save(index + 1);
      progress.update(format, index + 1, count);
    }
  }
  await decoder.end();
  summarise(format, corpus, findings.open.size);
  return findings.open.size;
}

function summarise(format: string, { done, outcomes, files }: Corpus, findings: number): void {
  const rows = [...outcomes].toSorted(([, a], [, b]) => b - a);
  console.log(
    `\n${format}: ${done} images, ${rows.length} outcomes, ${files.length} files in the corpus, ${findings} findings`,
  );
  for (const [outcome, count] of rows.slice(0, 12)) console.log(`${String(count).padStart(8)}  ${outcome}`);
}
