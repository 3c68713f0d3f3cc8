// A Vectorize account whose list of indexes is asked for at most twice a minute: every request to a Worker opens an
// index, a list of the indexes opens each, and Cloudflare's API allows 1200 calls in five minutes.

import type { VectorizeAccount } from './vectorize-api.ts';

const SECONDS = 30;

/** What others create or delete is seen after that time; what this one does, at once. `now` in milliseconds. */
export function rememberedAccount(account: VectorizeAccount, now: () => number): VectorizeAccount {
  let listed: { readonly at: number; readonly indexes: ReturnType<VectorizeAccount['list']> } | undefined;
  const forgetting = async (change: Promise<void>): Promise<void> => {
    try {
      await change;
    } finally {
      listed = undefined;
    }
  };
  return {
    list() {
      if (listed !== undefined && now() - listed.at < SECONDS * 1000) return listed.indexes;
      const indexes = account.list();
      const asked = { at: now(), indexes };
      listed = asked;
      indexes.catch(() => {
        if (listed === asked) listed = undefined;
      });
      return indexes;
    },
    create: (...index) => forgetting(account.create(...index)),
    delete: (name) => forgetting(account.delete(name)),
    data: (name) => account.data(name),
  };
}
