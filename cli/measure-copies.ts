// vgg-edge duplicates --measure: which cosine tells copies of photographs from other photographs.

import { messageOf } from '../core/errors.ts';
import { COPIES } from '../engine/node/photo-copies.ts';
import {
  type Copy,
  chooseThreshold,
  measureThresholds,
  type ThresholdRow,
} from '../search/duplicate-threshold.ts';
import { loadScanKernel } from '../search/node/scan-kernel.ts';
import { type Values, wholeNumber } from './command.ts';
import type { PhotoEmbedder } from './photo-embedder.ts';
import { type PhotoFile, spread } from './photo-folder.ts';
import type { Progress } from './progress.ts';

const PRECISION = 0.99;

/** Copies are made of each photo, and the cosine chosen that finds most at a precision of 99 %. */
export async function measureCopies(
  files: readonly PhotoFile[],
  embedder: PhotoEmbedder,
  values: Values,
  progress: Progress,
): Promise<void> {
  const limit = wholeNumber(values, 'limit', { min: 2 }) ?? 200;
  const chosen = spread(files, limit);
  const originals: Float32Array[] = [];
  const copies: Copy[] = [];
  for (const [place, file] of chosen.entries()) {
    const kinds = Object.entries(COPIES);
    const outcomes = await embedder.embed([
      file.read,
      ...kinds.map(
        ([, make]) =>
          async () =>
            make(await file.read()),
      ),
    ]);
    const [own, ...others] = outcomes;
    if (own === undefined || 'error' in own) {
      console.error(`not readable: ${file.name}: ${messageOf(own?.error)}`);
      continue;
    }
    others.forEach((outcome, kind) => {
      const name = kinds[kind]?.[0];
      if (name !== undefined && 'value' in outcome) {
        copies.push({ kind: name, original: originals.length, vector: outcome.value });
      }
    });
    originals.push(own.value);
    progress.update('copying and embedding', place + 1, chosen.length);
  }
  const measured = measureThresholds(loadScanKernel(), originals, copies);
  const best = chooseThreshold(measured, PRECISION);
  const kinds = Object.keys(COPIES);
  console.log(`${measured.copies} copies of ${measured.photos} photographs, ${embedder.space.model}\n`);
  console.log(`| cosine | precision | recall | ${kinds.join(' | ')} |`);
  console.log(`|---|---|---|${kinds.map(() => '---|').join('')}`);
  for (const row of measured.rows) {
    if (Math.round(row.threshold * 1000) % 25 === 0 || row === best)
      console.log(thresholdLine(row, kinds, best));
  }
  console.log(
    best === undefined
      ? `\nNo cosine has a precision of ${PRECISION}.`
      : `\nMost copies are found at a precision of ${PRECISION} with --near ${best.threshold}.`,
  );
}

function thresholdLine(row: ThresholdRow, kinds: readonly string[], best: ThresholdRow | undefined): string {
  const share = (value: number) => value.toFixed(3);
  const recalls = kinds.map((kind) => share(row.recallOf[kind] ?? 0));
  const mark = row === best ? ' ←' : '';
  return `| ${row.threshold.toFixed(3)}${mark} | ${share(row.precision)} | ${share(row.recall)} | ${recalls.join(' | ')} |`;
}
