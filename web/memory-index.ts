// An index in the page's memory: in browser mode, and where the server keeps none.

import { dot } from '../core/cosine.ts';
import type { Hit, PhotoIndex } from './backend.ts';
import { messageOf, PageError } from './page-error.ts';

/** `embed` gives vectors of Euclidean length 1; a PageError of its is about the page, others about the photograph. */
export function createMemoryIndex(embed: (photo: Blob) => Promise<Float32Array>): PhotoIndex {
  const items = new Map<string, Float32Array>();
  return {
    async add(added) {
      const failed = new Map<string, string>();
      for (const { id, file } of added) {
        try {
          items.set(id, await embed(file));
        } catch (error) {
          if (error instanceof PageError) throw error;
          failed.set(id, messageOf(error));
        }
      }
      return failed;
    },
    async delete(id) {
      items.delete(id);
    },
    has: async (ids) => new Set(ids.filter((id) => items.has(id))),
    async search(by, count) {
      const query = typeof by === 'string' ? items.get(by) : await embed(by);
      if (query === undefined) throw new Error('Expected a photograph of the index but there is none.');
      return [...items]
        .filter(([id]) => id !== by)
        .map(([id, vector]): Hit => ({ id, score: dot(query, vector) }))
        .toSorted((a, b) => b.score - a.score)
        .slice(0, count);
    },
    sample: async (limit) => ({ total: items.size, vectors: new Map([...items].slice(0, limit)) }),
  };
}
