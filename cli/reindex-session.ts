// The steps of a reindexing: building the new index, comparing it with the old one, moving the alias.

import { writeFile } from 'node:fs/promises';
import { setTimeout as wait } from 'node:timers/promises';
import { InputError } from '../core/errors.ts';
import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import type { VectorIndex, VectorStore } from '../core/vector-store.ts';
import { createDecodePool } from '../runner/decode-pool.ts';
import { createFailureGate } from '../runner/failure-gate.ts';
import { createMeter } from '../runner/meter.ts';
import { createPipeline } from '../runner/pipeline.ts';
import type { Source } from '../runner/ports.ts';
import { buildIndex, type Reindexed } from '../runner/reindex.ts';
import type { ReindexFolder, ReindexState } from '../runner/reindex-state.ts';
import { objections } from '../runner/reindex-verdict.ts';
import { limitGarbage } from '../runner/thread-memory.ts';
import { compareIndexes } from '../search/compare-indexes.ts';
import { isSameSpace } from '../search/vector-index.ts';
import type { EmbeddingModel } from './embedding-model.ts';
import { createProgress } from './progress.ts';
import { figuresText } from './reindex-figures.ts';
import { countsText, reindexPage } from './reindex-report.ts';

export interface ReindexSession {
  readonly store: VectorStore;
  readonly source: Source;
  readonly model: EmbeddingModel;
  readonly folder: ReindexFolder;
  readonly state: ReindexState;
  readonly engine: string;
  readonly threads: number | undefined;
  readonly maxFailureRate: number;
  readonly queries: number;
  readonly topK: number;
  readonly minOverlap: number;
  readonly allowMissing: boolean;
  readonly signal: AbortSignal;
  /** Items between two states. */
  readonly window?: number;
}

const READERS = 16;
/** Of the sample some may be items of one index only. */
const SPARE = 2;
/** Milliseconds for a store that writes asynchronously to show what it was given, and between two looks. */
const SETTLING = 60_000;
const LOOK_EVERY = 2000;

export async function build(session: ReindexSession): Promise<Reindexed> {
  const { store, source, model, folder, state, signal } = session;
  limitGarbage();
  const before = await store.open(state.before);
  const after = await store.create(state.after, state.space);
  const { space, items } = await before.describe();
  const { engine, ...choice } = await model.openEngine(session.engine);
  console.error(`Engine: ${choice.id}. ${choice.reason}`);
  const sizes = model.manifest.preprocess;
  const meter = createMeter();
  const decoders = createDecodePool({
    sizes,
    limits: LOCAL_IMAGE_LIMITS,
    crop: undefined,
    threads: session.threads,
  });
  const progress = createProgress();
  progress.update('reindexing', 0, Math.max(items, 1));
  try {
    const pipeline = createPipeline({
      source,
      decoders,
      engine,
      describer: model.describer,
      size: sizes.crop,
      batch: choice.batchSize,
      refuseZeros: true,
      readers: READERS,
      maxBytes: LOCAL_IMAGE_LIMITS.maxBytes,
      meter,
      signal,
    });
    const built = await buildIndex({
      source,
      before,
      after,
      space: state.space,
      sameSpace: isSameSpace(space, state.space),
      pipeline,
      gate: createFailureGate(session.maxFailureRate),
      maxBytes: LOCAL_IMAGE_LIMITS.maxBytes,
      folder,
      state,
      ...(session.window === undefined ? {} : { window: session.window }),
      sampleSize: session.queries * SPARE,
      signal,
      // How many there will be is known at the end; about as many as there were.
      onWindow: ({ position }) => progress.update('reindexing', position, Math.max(items, position + 1)),
    });
    progress.update('reindexing', built.state.position, built.state.position);
    await store.optimise?.(state.after);
    return built;
  } finally {
    await decoders.close();
    await engine.dispose();
  }
}

/** Prints the report and writes its page. Returns what speaks against the new index. */
export async function compare(session: ReindexSession, { state, sample }: Reindexed): Promise<string[]> {
  const { store, folder, topK, minOverlap, allowMissing, source } = session;
  const before = await store.open(state.before);
  const after = await store.open(state.after);
  const counts = {
    before: (await before.describe()).items,
    after: await settledCount(after, state.position - state.failed),
  };
  console.log(countsText(state));
  const ids = state.known === 0 ? [] : await itemsOfBoth(before, after, sample, session.queries);
  const progress = createProgress();
  const comparison =
    ids.length === 0
      ? undefined
      : await compareIndexes(before, after, ids, {
          topK,
          onQuery: (done, total) => progress.update('comparing', done, total),
        });
  const against = objections({ state, ...counts, comparison, minOverlap, allowMissing });
  if (comparison !== undefined) {
    console.log(`\n${figuresText(comparison, state)}\n`);
    await writeFile(folder.report, reindexPage({ state, comparison, objections: against, source }));
    console.log(`Pictures: ${folder.report}`);
  }
  if (state.failed > 0) console.error(`${state.failed} images failed: ${folder.failures}`);
  return against;
}

/** In one step: whoever asks by the alias gets the old index or the new. */
export async function moveAlias({ store, state }: ReindexSession, dropsOld = false): Promise<void> {
  await store.setAlias(state.alias, state.after);
  const kept = dropsOld ? '' : ` ${state.before} is kept; --drop-old deletes it.`;
  console.log(`${state.alias} names ${state.after} now.${kept}`);
}

export async function isMoved(store: VectorStore, { alias, after }: ReindexState): Promise<boolean> {
  return (await store.aliases()).some((one) => one.alias === alias && one.index === after);
}

export async function dropOld({ store, state }: ReindexSession): Promise<void> {
  try {
    await store.delete(state.before);
    console.log(`${state.before} is deleted.`);
  } catch (error) {
    if (!(error instanceof InputError) || error.code !== 'not_found') throw error;
    console.log(`${state.before} has been deleted before.`);
  }
}

async function itemsOfBoth(
  before: VectorIndex,
  after: VectorIndex,
  sample: readonly string[],
  wanted: number,
): Promise<string[]> {
  const [old, now] = await Promise.all([before.get(sample), after.get(sample)]);
  const held = new Set(now.map(({ id }) => id));
  return old
    .map(({ id }) => id)
    .filter((id) => held.has(id))
    .slice(0, wanted);
}

async function settledCount(index: VectorIndex, expected: number): Promise<number> {
  for (let waited = 0; ; waited += LOOK_EVERY) {
    const { items } = await index.describe();
    if (items >= expected || waited >= SETTLING) return items;
    await wait(LOOK_EVERY);
  }
}
