// The fuzzer's memory between runs: the files that showed something new, what was found wrong, and how far
// it came. A run with the same seed goes on where the last one stopped.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

interface State {
  readonly seed: number;
  readonly done: number;
  /** Outcomes seen so far. */
  readonly outcomes: Readonly<Record<string, number>>;
}

export interface Corpus {
  readonly files: readonly Uint8Array[];
  readonly done: number;
  readonly outcomes: ReadonlyMap<string, number>;
  /** Counts an outcome; a file with a new one joins the corpus. Gives whether it was new. */
  record(bytes: Uint8Array, outcome: string): boolean;
  /** Keeps a file that did what no file may do; gives its path. */
  keepFinding(bytes: Uint8Array, what: string): string;
  save(done: number): void;
}

/** `originals` are the whole files that everything began with. */
export function openCorpus(folder: string, seed: number, originals: readonly Uint8Array[]): Corpus {
  const kept = join(folder, 'corpus');
  const findings = join(folder, 'findings');
  for (const path of [kept, findings]) mkdirSync(path, { recursive: true });
  const statePath = join(folder, 'state.json');
  const state = readState(statePath, seed);
  // In order of their numbers: the order decides what a seed picks.
  const files = [
    ...originals,
    ...readdirSync(kept)
      .toSorted()
      .map((name) => new Uint8Array(readFileSync(join(kept, name)))),
  ];
  const outcomes = new Map(Object.entries(state.outcomes));
  return {
    files,
    done: state.done,
    outcomes,
    record(bytes, outcome) {
      const count = outcomes.get(outcome) ?? 0;
      outcomes.set(outcome, count + 1);
      if (count > 0) return false;
      writeFileSync(join(kept, String(files.length).padStart(6, '0')), bytes);
      files.push(bytes);
      return true;
    },
    keepFinding(bytes, what) {
      const name = createHash('sha256').update(bytes).digest('hex').slice(0, 16);
      const path = join(findings, name);
      writeFileSync(path, bytes);
      writeFileSync(`${path}.txt`, `${what}\n`);
      return path;
    },
    save(done) {
      const next: State = { seed, done, outcomes: Object.fromEntries(outcomes) };
      writeFileSync(statePath, JSON.stringify(next, undefined, 2));
    },
  };
}

function readState(path: string, seed: number): State {
  try {
    const state: State = JSON.parse(readFileSync(path, 'utf8'));
    if (state.seed === seed) return state;
  } catch {
    // The first run.
  }
  return { seed, done: 0, outcomes: {} };
}
