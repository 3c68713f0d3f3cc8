// Aliases of Vectorize's indexes. Vectorize has none, nor a description that can be changed, so they are the
// items of a small index of their own. As all writes there, a change is seen some seconds later.

import { InputError } from '../core/errors.ts';
import type { IndexAlias } from '../core/vector-store.ts';
import type { AliasTable } from './index-alias.ts';
import type { VectorizeAccount, VectorizeVector } from './vectorize-api.ts';

const ALIAS_INDEX = 'vgg-edge-aliases';
const DESCRIPTION = 'aliases of vgg-edge';
/** As few as Vectorize allows. All aliases have the same vector, so that one query finds them. */
const DIMENSIONS = 32;
const VECTOR = Array.from({ length: DIMENSIONS }, (_, place) => (place === 0 ? 1 : 0));
/** What one query gives. */
const MAX_ALIASES = 100;
const MAX_IDS = 20;

export function vectorizeAliases(account: VectorizeAccount): AliasTable {
  let made = false;
  const exists = async (): Promise<boolean> => {
    made ||= (await account.list()).some(({ name }) => name === ALIAS_INDEX);
    return made;
  };
  const list = async (): Promise<IndexAlias[]> => {
    if (!(await exists())) return [];
    const data = account.data(ALIAS_INDEX);
    const { matches } = await data.query(VECTOR, { topK: MAX_ALIASES, returnMetadata: 'none' });
    const ids = matches.map(({ id }) => id);
    const found: IndexAlias[] = [];
    for (let start = 0; start < ids.length; start += MAX_IDS) {
      found.push(...(await data.getByIds(ids.slice(start, start + MAX_IDS))).map(toAlias));
    }
    return found;
  };
  return {
    async find(alias) {
      if (!(await exists())) return undefined;
      const [found] = await account.data(ALIAS_INDEX).getByIds([alias]);
      return found && toAlias(found).index;
    },
    list,
    async set(alias, index) {
      if (!(await exists())) await account.create(ALIAS_INDEX, DIMENSIONS, DESCRIPTION, []);
      const others = (await list()).filter((known) => known.alias !== alias);
      if (others.length >= MAX_ALIASES) {
        throw new InputError(
          'invalid_option',
          `Expected at most ${MAX_ALIASES} aliases in Vectorize. Delete one first.`,
          { param: 'alias' },
        );
      }
      await account.data(ALIAS_INDEX).upsert([{ id: alias, values: VECTOR, metadata: { index } }]);
    },
    async delete(alias) {
      await account.data(ALIAS_INDEX).deleteByIds([alias]);
    },
  };
}

function toAlias({ id, metadata }: VectorizeVector): IndexAlias {
  return { alias: id, index: String(metadata.index) };
}
