// The choice between engines: what fails or gives wrong numbers is refused by name, and of what is left the
// fastest is taken, by a trial.

import { ModelError } from '../../core/errors.ts';
import type { Engine } from '../../core/ports.ts';

export interface Candidate {
  /** `webgpu:fp16` */
  readonly id: string;
  /** Images per run that suit it. */
  readonly batchSize: number;
  /** Milliseconds for opening and checking. */
  readonly limit: number;
  /** Opens it and checks its numbers; the agreement is told in words. Throws the reason for refusing it. */
  open(): Promise<CheckedEngine>;
}

export interface CheckedEngine {
  readonly engine: Engine;
  readonly agreement: string;
}

export interface Passed extends CheckedEngine {
  readonly candidate: Candidate;
}

export interface Choice {
  readonly id: string;
  readonly engine: Engine;
  readonly batchSize: number;
  /** Why this one, in a sentence or two. */
  readonly reason: string;
}

/** Images per second of each, in their order. */
export type Trial = (passed: readonly Passed[]) => Promise<readonly number[]>;

export interface ChooseOptions {
  readonly trial: Trial;
  /** What the trial is called in the reason: `2 s`. */
  readonly trialLength: string;
}

/**
 * Of each group the first candidate that passes its check; of these, where there are several, the fastest.
 * The others are disposed of. Throws ModelError that names every refusal when none passes.
 */
export async function choose(
  groups: readonly (readonly Candidate[])[],
  { trial, trialLength }: ChooseOptions,
): Promise<Choice> {
  const refusals: Refusal[] = [];
  const passed: Passed[] = [];
  for (const group of groups) {
    const found = await firstPassing(group, refusals);
    if (found !== undefined) passed.push(found);
  }
  const refused = refusals.length === 0 ? '' : ` Refused: ${listRefusals(refusals)}.`;
  const [first, ...others] = passed;
  if (first === undefined) {
    throw new ModelError('engine_failed', `Expected an engine that works here but found none.${refused}`);
  }
  if (others.length === 0) return describe(first, `${first.candidate.id}: ${first.agreement}.${refused}`);
  let rates: readonly number[];
  try {
    rates = await trial(passed);
  } catch (error) {
    await Promise.all(passed.map(({ engine }) => engine.dispose()));
    throw error;
  }
  const order = passed
    .map((entry, index) => ({ entry, rate: rates[index] ?? 0 }))
    .toSorted((a, b) => b.rate - a.rate);
  const [best, ...slower] = order;
  await Promise.all(slower.map(({ entry }) => entry.engine.dispose()));
  const winner = best?.entry ?? first;
  const against = slower.map(({ entry, rate }) => `${entry.candidate.id} ${rate.toFixed(1)}`).join(', ');
  return describe(
    winner,
    `${winner.candidate.id}: ${best?.rate.toFixed(1)} images/s in a trial of ${trialLength} (${against}); ${winner.agreement}.${refused}`,
  );
}

function describe({ candidate, engine }: Passed, reason: string): Choice {
  return { id: candidate.id, engine, batchSize: candidate.batchSize, reason };
}

interface Refusal {
  readonly id: string;
  readonly reason: string;
}

/** `webgpu:fp16, webgpu:fp32: no adapter; …` */
function listRefusals(refusals: readonly Refusal[]): string {
  const byReason = Map.groupBy(refusals, ({ reason }) => reason);
  return [...byReason].map(([reason, of]) => `${of.map(({ id }) => id).join(', ')}: ${reason}`).join('; ');
}

async function firstPassing(group: readonly Candidate[], refusals: Refusal[]): Promise<Passed | undefined> {
  for (const candidate of group) {
    try {
      return { candidate, ...(await withinLimit(candidate)) };
    } catch (error) {
      refusals.push({ id: candidate.id, reason: reasonOf(error) });
    }
  }
  return undefined;
}

/** What answers after its time is disposed of. */
async function withinLimit(candidate: Candidate): Promise<CheckedEngine> {
  const { limit } = candidate;
  const opening = candidate.open();
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => {
      opening.then(({ engine }) => engine.dispose()).catch(() => undefined);
      reject(new ModelError('engine_failed', `no answer within ${limit / 1000} s`));
    }, limit);
  });
  try {
    return await Promise.race([opening, late]);
  } finally {
    clearTimeout(timer);
  }
}

/** Without the paths and conditions that onnxruntime puts before its own words, nor a full stop. */
function reasonOf(error: unknown): string {
  const message = error instanceof Error ? error.message : String(error);
  return message
    .replace(/\/onnxruntime_src\/.*? was false\. /s, '')
    .replace(/^onnxruntime-node cannot (load|run) \S+: (Error: )?/, '')
    .replace(/\s+/g, ' ')
    .replace(/\.?\s*$/, '');
}
