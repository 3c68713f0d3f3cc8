// A new index beside an old one, from the same images: in windows of the source, each of which is embedded,
// copied or found there already, and then counted in the state.

import { appendFile } from 'node:fs/promises';
import type { Item, VectorIndex, VectorSpace } from '../core/vector-store.ts';
import { failureLine } from './failure.ts';
import type { FailureGate } from './failure-gate.ts';
import { sortItems } from './known-items.ts';
import { upsertAll } from './outputs/store.ts';
import type { BatchResult, Pipeline } from './pipeline.ts';
import type { Source, SourceItem } from './ports.ts';
import { BEGINNING, type ReindexFolder, type ReindexState, writeState } from './reindex-state.ts';
import { createIdSample } from './sample-ids.ts';
import { StoppedError } from './stopped.ts';

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
  if (!(await isUnchangedUpTo(source, parts.state))) {
    const state = { ...parts.state, ...BEGINNING };
    await writeState(folder, state);
    return buildIndex({ ...parts, state });
  }
  const sample = createIdSample(parts.sampleSize);
  let { state } = parts;
  parts.gate.count(state.position, state.failed);
  let place = 0;
  for await (const window of windows(source.list(), parts.window ?? WINDOW)) {
    for (const { id } of window) sample.offer(id);
    place += window.length;
    const items = place <= state.position ? [] : window.slice(window.length - (place - state.position));
    if (items.length === 0) continue;
    if (signal.aborted) throw new StoppedError();
    state = await doWindow(items, state, parts);
    await writeState(folder, state);
    parts.onWindow?.(state);
  }
  parts.gate.conclude();
  return { state, sample: sample.ids() };
}

async function doWindow(
  items: readonly SourceItem[],
  state: ReindexState,
  parts: ReindexParts,
): Promise<ReindexState> {
  const { after, space, pipeline, gate, folder } = parts;
  const sorted = await sortItems(items, parts);
  await upsertAll(after, space, sorted.copies);
  let embedded = 0;
  let lines = '';
  const take = async ({ rows, failed }: BatchResult): Promise<void> => {
    const found: Item[] = rows.map(({ id, vector, sha256, metadata }) => ({
      id,
      vector,
      // What others have noted about the image in the old index stays with it.
      metadata: { ...sorted.known.get(id), ...metadata, sha256 },
    }));
    await upsertAll(after, space, found);
    embedded += rows.length;
    lines += failed.map(failureLine).join('');
    gate.count(rows.length + failed.length, failed.length, failed.at(-1));
  };
  const { finished } = await pipeline.feed(sorted.wanted, take);
  await finished;
  await appendFile(folder.failures, lines);
  gate.count(items.length - sorted.wanted.length, 0);
  return {
    ...state,
    position: state.position + items.length,
    embedded: state.embedded + embedded,
    copied: state.copied + sorted.copies.length,
    unchanged: state.unchanged + sorted.unchanged,
    failed: state.failed + sorted.wanted.length - embedded,
    known: state.known + sorted.known.size,
    failureBytes: state.failureBytes + Buffer.byteLength(lines),
    lastId: items.at(-1)?.id ?? state.lastId,
  };
}

/** By the last item done with, and that nothing stands before it that did not. */
async function isUnchangedUpTo(source: Source, { position, lastId }: ReindexState): Promise<boolean> {
  if (position === 0) return true;
  let place = 0;
  for await (const { id } of source.list()) {
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
