// The fuzzer's memory of one seed: the files that showed something new, and how far it came. Everything goes to
// the disk at once, in `save`, so that a run that is killed goes on as if it had stopped at the last one.

import { existsSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface State {
  readonly done: number;
  /** How many files joined; of the folder's files these are the first. */
  readonly kept: number;
  /** Outcomes seen so far. */
  readonly outcomes: Readonly<Record<string, number>>;
}

export interface Corpus {
  /** The originals, then what joined. */
  readonly files: readonly Uint8Array[];
  /** Images tried when it was saved last. */
  readonly done: number;
  readonly outcomes: ReadonlyMap<string, number>;
  /** Counts an outcome; a file with a new one joins the corpus. */
  record(bytes: Uint8Array, outcome: string): void;
  save(done: number): void;
}

/** `originals` are the whole files that everything began with. */
export function openCorpus(folder: string, originals: readonly Uint8Array[]): Corpus {
  mkdirSync(join(folder, 'corpus'), { recursive: true });
  const pathOf = (number: number) => join(folder, 'corpus', String(number).padStart(6, '0'));
  const statePath = join(folder, 'state.json');
  const state = readState(statePath);
  // In the order in which they joined: the order decides what a seed picks.
  const joined = Array.from(
    { length: state.kept },
    (_, number) => new Uint8Array(readFileSync(pathOf(number))),
  );
  const files = [...originals, ...joined];
  const outcomes = new Map(Object.entries(state.outcomes));
  let { done, kept } = state;
  return {
    files,
    get done() {
      return done;
    },
    outcomes,
    record(bytes, outcome) {
      const count = outcomes.get(outcome) ?? 0;
      outcomes.set(outcome, count + 1);
      if (count === 0) files.push(bytes);
    },
    save(count) {
      for (const bytes of files.slice(originals.length + kept)) writeFileSync(pathOf(kept++), bytes);
      done = count;
      const next: State = { done, kept, outcomes: Object.fromEntries(outcomes) };
      writeFileSync(`${statePath}.partial`, JSON.stringify(next, undefined, 2));
      renameSync(`${statePath}.partial`, statePath);
    },
  };
}

function readState(path: string): State {
  return existsSync(path) ? JSON.parse(readFileSync(path, 'utf8')) : { done: 0, kept: 0, outcomes: {} };
}
