// Reindexing a dozen photographs with the tiny model, as cli/reindex.ts does it, for the tests beside.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, vi } from 'vitest';
import { openEmbeddingModel } from '../../cli/embedding-model.ts';
import { build, compare, moveAlias, type ReindexSession } from '../../cli/reindex-session.ts';
import type { Pool } from '../../core/descriptors.ts';
import type { VectorStore } from '../../core/vector-store.ts';
import { planIndexes } from '../../runner/reindex-plan.ts';
import { openState, readState, reindexFolder } from '../../runner/reindex-state.ts';
import { openSource } from '../../runner/sources/open-source.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { TINY, tinyEngine, writePhotos } from '../runner/run-fixture.ts';

/** Photographs in the folder. */
export const COUNT = 12;
export const NO_COLUMNS = { column: null, idColumn: null, metadataColumns: null };

export interface Wanted {
  readonly store: VectorStore;
  readonly out: string;
  readonly pool: Pool;
  readonly from?: string;
  readonly before?: string;
  readonly changes?: Partial<ReindexSession>;
}

/** Call it once in a test file: the folders are there while its tests run, and progress is not drawn. */
export function useReindex() {
  const place = { root: '', photos: '' };
  beforeAll(async () => {
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
    place.root = await mkdtemp(join(tmpdir(), 'vgg-edge-reindex-'));
    place.photos = join(place.root, 'photos');
    await writePhotos(place.photos, COUNT);
  });
  afterAll(async () => {
    vi.restoreAllMocks();
    await rm(place.root, { recursive: true, force: true });
  });

  async function openSession({
    store,
    out,
    pool,
    from = place.photos,
    before,
    changes = {},
  }: Wanted): Promise<ReindexSession> {
    const model = await openEmbeddingModel(TINY, () => ({ layer: 'features', pool, normalize: true }));
    const folder = reindexFolder(join(place.root, out));
    const names = await planIndexes(store, 'photos', { before, state: await readState(folder) });
    const space = model.describer.space(model.id);
    const state = await openState(folder, { alias: 'photos', ...names, source: from, ...NO_COLUMNS, space });
    return {
      store,
      source: await openSource(from),
      model: {
        ...model,
        openEngine: async () => ({
          engine: await tinyEngine(),
          id: 'winograd:int8',
          batchSize: 4,
          reason: '',
        }),
      },
      folder,
      state,
      engine: 'winograd',
      threads: 1,
      maxFailureRate: 0.01,
      queries: 100,
      topK: 5,
      minOverlap: 0,
      allowMissing: false,
      signal: new AbortController().signal,
      ...changes,
    };
  }

  /** Builds and compares, and moves the alias where nothing speaks against it. */
  async function reindex(wanted: Wanted) {
    const session = await openSession(wanted);
    const built = await build(session);
    const against = await compare(session, built);
    if (against.length === 0) await moveAlias(session);
    return { session, against, state: built.state };
  }

  /** `photos` names photos-1 with every photo, pooled by gem. */
  async function fill(store: VectorStore, out: string): Promise<void> {
    const { space } = (
      await openSession({ store: createMemoryStore(), out: `${out}-space`, pool: 'gem', before: 'x' })
    ).state;
    await store.create('photos-0', space);
    await store.setAlias('photos', 'photos-0');
    const { against } = await reindex({ store, out, pool: 'gem' });
    expect(against).toEqual([]);
  }

  return { place, openSession, reindex, fill };
}
