// Vectors in memory, float32, compared one by one: the reference the other stores are held to, and all that
// a few thousand items need.

import { dot } from '../core/cosine.ts';
import type { Item, VectorSpace, VectorStore } from '../core/vector-store.ts';
import { type AliasTable, type IndexStore, withAliases } from './index-alias.ts';
import { type Condition, matches } from './metadata-filter.ts';
import { mergeNeighbours } from './neighbours.ts';
import {
  checkIndexName,
  checkSpace,
  createVectorIndex,
  type IndexBackend,
  noSuchIndex,
} from './vector-index.ts';

export function createMemoryStore(): VectorStore {
  const indexes = new Map<string, { space: VectorSpace; backend: IndexBackend }>();
  const open: VectorStore['open'] = async (name) => {
    const found = indexes.get(name);
    if (found === undefined) throw noSuchIndex(name);
    return createVectorIndex(name, found.space, found.backend);
  };
  const store: IndexStore = {
    names: async () => [...indexes.keys()].sort(),
    async create(name, space) {
      checkIndexName(name);
      const found = indexes.get(name);
      if (found === undefined) indexes.set(name, { space, backend: createMemoryBackend() });
      else checkSpace(name, found.space, space);
      return open(name);
    },
    open,
    async delete(name) {
      if (!indexes.delete(name)) throw noSuchIndex(name);
    },
    async close() {
      indexes.clear();
    },
  };
  return withAliases(store, memoryAliases());
}

function memoryAliases(): AliasTable {
  const targets = new Map<string, string>();
  return {
    find: async (alias) => targets.get(alias),
    list: async () => [...targets].map(([alias, index]) => ({ alias, index })),
    async set(alias, index) {
      targets.set(alias, index);
    },
    async delete(alias) {
      targets.delete(alias);
    },
  };
}

function createMemoryBackend(): IndexBackend {
  const items = new Map<string, Item>();
  return {
    maxNearest: Number.MAX_SAFE_INTEGER,
    count: async () => items.size,
    async put(added) {
      for (const item of added) items.set(item.id, structuredClone(item));
    },
    get: async (ids) => ids.flatMap((id) => structuredClone(items.get(id)) ?? []),
    async delete(ids) {
      for (const id of ids) items.delete(id);
    },
    async nearest(vector: Float32Array, count: number, conditions: readonly Condition[]) {
      const scored = [...items.values()]
        .filter(({ metadata }) => matches(conditions, metadata))
        .map(({ id, metadata, vector: own }) => ({ id, metadata, score: dot(vector, own) }));
      return mergeNeighbours([scored], count);
    },
  };
}
