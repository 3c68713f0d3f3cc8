// A sample of ids that is the same for the same ids, in whatever order and however often they come: those of
// the smallest hashes.

import { hash } from 'node:crypto';

export interface IdSample {
  offer(id: string): void;
  /** In order of hash: any beginning of it is a sample too. */
  ids(): string[];
}

export function createIdSample(size: number): IdSample {
  let kept: { readonly id: string; readonly key: string }[] = [];
  let limit: string | undefined;
  const trim = (): void => {
    kept = kept.sort((a, b) => (a.key < b.key ? -1 : 1)).slice(0, size);
    limit = kept.length < size ? undefined : kept.at(-1)?.key;
  };
  return {
    offer(id) {
      const key = hash('sha1', id);
      if (limit !== undefined && key >= limit) return;
      kept.push({ id, key });
      if (kept.length >= 2 * size) trim();
    },
    ids() {
      trim();
      return kept.map(({ id }) => id);
    },
  };
}
