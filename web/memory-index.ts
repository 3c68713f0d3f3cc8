// An index in the page's memory: in browser mode, and where the server keeps none.

import type { Hit, PhotoIndex } from './backend.ts';

/** `embed` gives vectors of Euclidean length 1. */
export function createMemoryIndex(embed: (photo: Blob) => Promise<Float32Array>): PhotoIndex {
  const items = new Map<string, Float32Array>();
  return {
    async add(id, photo) {
      items.set(id, await embed(photo));
    },
    async delete(id) {
      items.delete(id);
    },
    async search(by, count) {
      const query = typeof by === 'string' ? items.get(by) : await embed(by);
      if (query === undefined) throw new Error('Expected a photograph of the index but there is none.');
      return [...items]
        .filter(([id]) => id !== by)
        .map(([id, vector]): Hit => ({ id, score: cosine(query, vector) }))
        .toSorted((a, b) => b.score - a.score)
        .slice(0, count);
    },
    async vectors(ids) {
      return new Map([...items].filter(([id]) => ids.includes(id)));
    },
  };
}

/** Of two vectors of Euclidean length 1. */
function cosine(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? 0), 0);
}
