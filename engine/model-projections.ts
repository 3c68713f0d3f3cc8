// The projections that stand beside a model: listed by projections.json, loaded by the first who needs one. One is
// kept: on the edge each may take a sixth of the memory.

import { SourceError } from '../core/errors.ts';
import type { ModelFiles } from '../core/ports.ts';
import {
  findProjection,
  PROJECTIONS_FILE,
  type Projection,
  type ProjectionEntry,
  type ProjectionKey,
  parseProjections,
  readProjection,
} from '../core/projection.ts';
import { once } from '../core/turns.ts';
import { readBounded, readModelFile } from './model-file.ts';

export interface LoadedProjection extends Projection {
  readonly entry: ProjectionEntry;
}

export interface ModelProjections {
  /** What there is; empty for a model without projections. Throws ModelError, SourceError. */
  list(): Promise<readonly ProjectionEntry[]>;
  /** Throws InputError('invalid_option') that lists what there is, ModelError, SourceError. */
  load(key: ProjectionKey): Promise<LoadedProjection>;
}

/** 64 entries have about 20 KB. */
const MAX_LIST_BYTES = 64 * 1024;

export function openProjections(files: ModelFiles, model: string): ModelProjections {
  const list = once(async () => {
    const json = await readList(files);
    return json === undefined ? [] : parseProjections(json, model).projections;
  });
  let kept: { file: string; loading: () => Promise<LoadedProjection> } | undefined;
  return {
    list,
    async load(key) {
      const entry = findProjection({ projections: await list() }, key);
      if (kept?.file !== entry.file) {
        const loading = once(async () => ({
          entry,
          ...readProjection(await readModelFile(files, entry), entry),
        }));
        kept = { file: entry.file, loading };
      }
      return kept.loading();
    },
  };
}

/** Undefined where the model has none. */
async function readList(files: ModelFiles): Promise<string | undefined> {
  try {
    return new TextDecoder().decode(await readBounded(files, PROJECTIONS_FILE, MAX_LIST_BYTES));
  } catch (error) {
    if (error instanceof SourceError && error.code === 'missing_file') return undefined;
    throw error;
  }
}
