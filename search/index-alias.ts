// Aliases: second names of indexes, moved in one step when a new index takes over from an old. What all
// stores say about them, and a store's indexes with a table of aliases beside them.

import { InputError } from '../core/errors.ts';
import type { IndexAlias, IndexInfo, ListedIndex, VectorStore } from '../core/vector-store.ts';
import { checkIndexName, isIndexName, noSuchIndex } from './vector-index.ts';

/** A store's indexes by their own names. */
export type IndexStore = Pick<VectorStore, 'names' | 'create' | 'open' | 'delete' | 'close'>;

/** Where a store keeps its aliases; names arrive checked. */
export interface AliasTable {
  /** The index's name; undefined where there is no such alias. */
  find(alias: string): Promise<string | undefined>;
  /** In any order. */
  list(): Promise<IndexAlias[]>;
  /** Adds or replaces, in one step. */
  set(alias: string, index: string): Promise<void>;
  delete(alias: string): Promise<void>;
}

/** For stores that cannot change indexes and aliases in one transaction. */
export function withAliases(indexes: IndexStore, table: AliasTable): VectorStore {
  const aliases = async () => (await table.list()).sort((a, b) => (a.alias < b.alias ? -1 : 1));
  const resolve = async (name: string): Promise<string> =>
    (isIndexName(name) ? await table.find(name) : undefined) ?? name;
  return {
    async list() {
      const infos = (await indexes.names()).map(async (name) => (await indexes.open(name)).describe());
      return listWithAliases(await Promise.all(infos), await aliases());
    },
    names: () => indexes.names(),
    create: async (name, space) => indexes.create(await resolve(name), space),
    open: async (name) => indexes.open(await resolve(name)),
    async delete(name) {
      checkDeletable(name, await table.list());
      await indexes.delete(name);
    },
    aliases,
    async setAlias(alias, index) {
      checkIndexName(alias);
      checkIndexName(index);
      // Not by opening them, which some stores do by aliases of their own too.
      const names = await indexes.names();
      if (names.includes(alias)) throw indexHasName(alias);
      if (!names.includes(index)) throw noTarget(index, await table.find(index));
      await table.set(alias, index);
    },
    async deleteAlias(alias) {
      checkIndexName(alias);
      if ((await table.find(alias)) === undefined) throw noSuchAlias(alias);
      await table.delete(alias);
    },
    close: () => indexes.close(),
  };
}

/** `aliases` in order. */
export function listWithAliases(
  indexes: readonly IndexInfo[],
  aliases: readonly IndexAlias[],
): ListedIndex[] {
  return indexes.map((info) => ({
    ...info,
    aliases: aliases.filter(({ index }) => index === info.name).map(({ alias }) => alias),
  }));
}

/** Throws InputError('alias_conflict') where the name is an alias, or the index of one. */
export function checkDeletable(name: string, aliases: readonly IndexAlias[]): void {
  const own = aliases.find(({ alias }) => alias === name);
  if (own !== undefined) {
    throw conflict(
      `Expected an index to delete but '${name}' is an alias of '${own.index}'. Delete the alias, or name the index itself.`,
    );
  }
  const names = aliases.filter(({ index }) => index === name).map(({ alias }) => `'${alias}'`);
  if (names.length > 0) {
    throw conflict(
      `Expected an index without aliases to delete but '${name}' is what ${names.sort().join(', ')} stands for. Move or delete the alias first.`,
    );
  }
}

export function indexHasName(alias: string): InputError {
  return conflict(
    `Expected a name that no index has for the alias but '${alias}' is an index. Name the alias otherwise, or delete that index first.`,
  );
}

/** For an alias of what is no index; `target` is its index where it is an alias itself. */
export function noTarget(index: string, target: string | undefined): InputError {
  if (target === undefined) return noSuchIndex(index);
  return conflict(`Expected an index but '${index}' is an alias itself, of '${target}'. Name that.`);
}

export function noSuchAlias(alias: string): InputError {
  return new InputError('not_found', `Expected an alias '${alias}' but there is none.`, { param: 'alias' });
}

function conflict(message: string): InputError {
  return new InputError('alias_conflict', message, { param: 'alias' });
}
