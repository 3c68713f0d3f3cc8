// The fuzzer's memory: what a run that was stopped or killed finds again.

import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { type Corpus, openCorpus } from '../../fuzz/corpus.ts';
import { mutate } from '../../fuzz/mutate.ts';

const ORIGINALS = [Uint8Array.of(1, 2, 3, 4, 5, 6, 7, 8), Uint8Array.of(9, 10, 11, 12)];

let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'vgg-edge-fuzz-'));
});
afterEach(() => rmSync(folder, { recursive: true }));

/** Tries images `from` … `to`; every third file does something new. */
function run(corpus: Corpus, to: number): void {
  for (let index = corpus.done; index < to; index += 1) {
    const bytes = mutate(corpus.files, ORIGINALS.length, index);
    corpus.record(bytes, index % 3 === 0 ? `new ${index}` : 'old');
  }
}

function contents({ files, done, outcomes }: Corpus) {
  return { files, done, outcomes: [...outcomes] };
}

test('one file for each new outcome joins', () => {
  const corpus = openCorpus(folder, ORIGINALS);
  run(corpus, 7);
  expect(corpus.files).toHaveLength(ORIGINALS.length + 4);
  expect(Object.fromEntries(corpus.outcomes)).toEqual({ 'new 0': 1, old: 4, 'new 3': 1, 'new 6': 1 });
});

test('a run that was stopped, or killed since it was saved, ends as an undisturbed one', () => {
  const undisturbed = openCorpus(join(folder, 'undisturbed'), ORIGINALS);
  run(undisturbed, 30);
  undisturbed.save(30);

  const stopped = openCorpus(join(folder, 'stopped'), ORIGINALS);
  run(stopped, 10);
  stopped.save(10);
  const killed = openCorpus(join(folder, 'stopped'), ORIGINALS);
  expect(contents(killed)).toEqual(contents(stopped));
  run(killed, 20);
  const again = openCorpus(join(folder, 'stopped'), ORIGINALS);
  expect(contents(again)).toEqual(contents(stopped));
  run(again, 30);
  again.save(30);

  expect(contents(again)).toEqual(contents(undisturbed));
  expect(contents(openCorpus(join(folder, 'stopped'), ORIGINALS))).toEqual(contents(undisturbed));
});
