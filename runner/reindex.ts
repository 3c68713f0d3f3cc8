// A new index beside an old one, from the same images: in windows of the source, each of which is embedded,
// copied or found there already, and then counted in the state.

import type { Item, VectorIndex, VectorSpace } from '../core/vector-store.ts';
import { failureLine } from './failure.ts';
import type { FailureGate } from './failure-gate.ts';
import { joinMetadata, sortItems } from './known-items.ts';
import { upsertAll } from './outputs/store.ts';
import type { BatchResult, Pipeline } from './pipeline.ts';
import type { Source, SourceItem } from './ports.ts';
import {
  addFailures,
  beginAnew,
  type ReindexFolder,
  type ReindexState,
  writeState,
} from './reindex-state.ts';
import { createIdSample } from './sample-ids.ts';
import { orStopped, StoppedError, untilStopped } from './stopped.ts';

export interface ReindexParts {
  readonly source: Source;
  readonly before: VectorIndex;
  readonly after: VectorIndex;
  /** Of the new index. */
  readonly space: VectorSpace;
  /** Whether the old index's vectors are of the same space. */
  readonly sameSpace: boolean;
  readonly pipeline: Pipeline;
  readonly gate: FailureGate;
  readonly maxBytes: number;
  readonly folder: ReindexFolder;
  readonly state: ReindexState;
  /** Ids wanted to ask by. */
  readonly sampleSize: number;
  readonly signal: AbortSignal;
  /** Items between two states: at most so many are done again after a crash. */
  readonly window?: number;
  readonly onWindow?: (state: ReindexState) => void;
}

export interface Reindexed {
  readonly state: ReindexState;
  /** Of the items that both indexes should have. */
  readonly sample: readonly string[];
}

const WINDOW = 500;

/**
 * Goes on from the state, unless the source has changed before it: then from the beginning, where hashes tell
 * what is there already. Throws StoppedError, ModelError, SourceError, and InputError where too many fail.
 */
export async function buildIndex(parts: ReindexParts): Promise<Reindexed> {
  const { source, folder, signal } = parts;
  if (!(await isUnchangedUpTo(parts))) {
    return buildIndex({ ...parts, state: await beginAnew(folder, parts.state) });
  }
  const sample = createIdSample(parts.sampleSize);
  const { position, failed } = parts.state;
  parts.gate.count(position, failed);
  let done = Promise.resolve(parts.state);
  let place = 0;
  try {
    for await (const window of windows(untilStopped(source.list(), signal), parts.window ?? WINDOW)) {
      for (const { id } of window) sample.offer(id);
      place += window.length;
      const items = place <= position ? [] : window.slice(window.length - (place - position));
      if (items.length === 0) continue;
      if (signal.aborted) throw new StoppedError();
      const before = done;
      const counts = await beginWindow(items, parts);
      done = before.then(async (state) => {
        const next = await counts.ended.then((ended) => addWindow(state, items, ended, folder));
        parts.onWindow?.(next);
        return next;
      });
      done.catch(() => undefined);
      // While one window ends the next is begun, so that the engine need not wait; no more than that.
      await before;
    }
    const state = await done;
    parts.gate.conclude();
    return { state, sample: sample.ids() };
  } finally {
    // Nothing goes on behind the caller's back.
    await done.catch(() => undefined);
  }
}

interface WindowCounts {
  readonly embedded: number;
  readonly copied: number;
  readonly unchanged: number;
  readonly known: number;
  readonly failed: number;
  /** For failures.jsonl. */
  readonly lines: string;
}

/** Resolves when all of it is on its way; `ended` when all of it is in the new index, or has failed. */
async function beginWindow(
  items: readonly SourceItem[],
  parts: ReindexParts,
): Promise<{ readonly ended: Promise<WindowCounts> }> {
  const { after, space, pipeline, gate } = parts;
  const { wanted, copies, unchanged, known } = await orStopped(sortItems(items, parts), parts.signal);
  await upsertAll(after, space, copies);
  gate.count(items.length - wanted.length, 0);
  let embedded = 0;
  let lines = '';
  const take = async ({ rows, failed }: BatchResult): Promise<void> => {
    const found: Item[] = rows.map(({ id, vector, sha256, metadata }) => ({
      id,
      vector,
      // What others have noted about the image in the old index stays with it.
      metadata: joinMetadata(known.get(id) ?? {}, { ...metadata, sha256 }),
    }));
    await upsertAll(after, space, found);
    embedded += rows.length;
    lines += failed.map(failureLine).join('');
    gate.count(rows.length + failed.length, failed.length, failed.at(-1));
  };
  const { finished } = await pipeline.feed(wanted, take);
  const ended = finished.then(() => {
    const failed = wanted.length - embedded;
    return { embedded, copied: copies.length, unchanged, known: known.size, failed, lines };
  });
  ended.catch(() => undefined);
  return { ended };
}

async function addWindow(
  state: ReindexState,
  items: readonly SourceItem[],
  counts: WindowCounts,
  folder: ReindexFolder,
): Promise<ReindexState> {
  await addFailures(folder, counts.lines);
  const next = {
    ...state,
    position: state.position + items.length,
    embedded: state.embedded + counts.embedded,
    copied: state.copied + counts.copied,
    unchanged: state.unchanged + counts.unchanged,
    failed: state.failed + counts.failed,
    known: state.known + counts.known,
    failureBytes: state.failureBytes + Buffer.byteLength(counts.lines),
    lastId: items.at(-1)?.id ?? state.lastId,
  };
  await writeState(folder, next);
  return next;
}

/** By the last item done with, and that nothing stands before it that did not. */
async function isUnchangedUpTo({
  source,
  signal,
  state: { position, lastId },
}: ReindexParts): Promise<boolean> {
  if (position === 0) return true;
  let place = 0;
  for await (const { id } of untilStopped(source.list(), signal)) {
    place += 1;
    if (place === position) return id === lastId;
  }
  return false;
}

async function* windows(items: AsyncIterable<SourceItem>, size: number): AsyncGenerator<SourceItem[]> {
  let window: SourceItem[] = [];
  for await (const item of items) {
    window.push(item);
    if (window.length < size) continue;
    yield window;
    window = [];
  }
  if (window.length > 0) yield window;
}
