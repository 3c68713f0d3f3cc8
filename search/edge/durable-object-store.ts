// The Worker's own vector store: an index lies in several Durable Objects with SQLite, spread by a hash of
// the id. Needs no account and is the same code locally and deployed.

import { fromInt8 } from '../../core/quantise-vector.ts';
import {
  type IndexAlias,
  type Item,
  MAX_METADATA_BYTES,
  type VectorIndex,
  type VectorStore,
} from '../../core/vector-store.ts';
import { checkDeletable, indexHasName, listWithAliases, noSuchAlias, noTarget } from '../index-alias.ts';
import { mergeNeighbours } from '../neighbours.ts';
import { createReach } from '../reach.ts';
import {
  checkIndexName,
  checkSpace,
  createVectorIndex,
  type IndexBackend,
  noSuchIndex,
  parseSpace,
} from '../vector-index.ts';
import type { CatalogEntry, IndexCatalog } from './index-catalog.ts';
import { toShardItem, type VectorShard } from './vector-shard.ts';

/** Failures of the platform can be tried again; the objects themselves refuse nothing. */
const reach = createReach("The index's storage did not answer");

export interface DurableObjectStoreOptions {
  readonly catalog: DurableObjectNamespace<IndexCatalog>;
  readonly shards: DurableObjectNamespace<VectorShard>;
  /** Objects per new index, 1 to 32; an index keeps the number it was created with. */
  readonly shardsPerIndex?: number;
}

/** Enough that writes spread; a shard scans 25,000 vectors in a few milliseconds. */
const SHARDS_PER_INDEX = 4;
/** An RPC message may have 32 MiB. */
const MESSAGE_BYTES = 16 * 1024 * 1024;

export function createDurableObjectStore(options: DurableObjectStoreOptions): VectorStore {
  const { shards: namespace, shardsPerIndex = SHARDS_PER_INDEX } = options;
  const catalog = () => options.catalog.get(options.catalog.idFromName('catalog'));
  const shardsOf = ({ name, token, shards }: CatalogEntry) =>
    Array.from({ length: shards }, (_, shard) =>
      namespace.get(namespace.idFromName(`${name}/${token}/${shard}`)),
    );
  const indexOf = (entry: CatalogEntry): VectorIndex => {
    const space = parseSpace(JSON.parse(entry.space));
    return createVectorIndex(entry.name, space, createBackend(shardsOf(entry), space.dimensions));
  };
  const find = async (name: string): Promise<CatalogEntry> => {
    const entry = await reach(() => catalog().find(name));
    if (entry === null) throw noSuchIndex(name);
    return entry;
  };
  const aliases = (): Promise<IndexAlias[]> => reach(() => catalog().aliases());

  return {
    async list() {
      const entries = await reach(() => catalog().list());
      const infos = await Promise.all(entries.map((entry) => indexOf(entry).describe()));
      return listWithAliases(infos, await aliases());
    },
    names: async () => (await reach(() => catalog().list())).map(({ name }) => name),
    async create(name, space) {
      checkIndexName(name);
      const entry = await reach(() =>
        catalog().add({
          name,
          space: JSON.stringify(parseSpace(space)),
          shards: shardsPerIndex,
          token: crypto.randomUUID(),
        }),
      );
      checkSpace(entry.name, parseSpace(JSON.parse(entry.space)), space);
      return indexOf(entry);
    },
    open: async (name) => indexOf(await find(name)),
    async delete(name) {
      const retired = await reach(() => catalog().retire(name));
      if (retired === null) {
        checkDeletable(name, await aliases());
        throw noSuchIndex(name);
      }
      for (const entry of retired) {
        await Promise.all(shardsOf(entry).map((shard) => reach(() => shard.clear())));
        await reach(() => catalog().forget(entry.token));
      }
    },
    aliases,
    async setAlias(alias, index) {
      checkIndexName(alias);
      if (await reach(() => catalog().setAlias(alias, index))) return;
      if ((await reach(() => catalog().find(alias)))?.name === alias) throw indexHasName(alias);
      throw noTarget(index, (await reach(() => catalog().find(index)))?.name);
    },
    async deleteAlias(alias) {
      if (!(await reach(() => catalog().deleteAlias(alias)))) throw noSuchAlias(alias);
    },
    async close() {},
  };
}

function createBackend(shards: readonly DurableObjectStub<VectorShard>[], dimensions: number): IndexBackend {
  const perMessage = Math.max(1, Math.floor(MESSAGE_BYTES / (dimensions + MAX_METADATA_BYTES)));

  /** Calls each shard with its part of the values, in pieces that fit a message. */
  async function spread<Value, Answer>(
    values: readonly Value[],
    idOf: (value: Value) => string,
    call: (shard: DurableObjectStub<VectorShard>, part: Value[]) => Promise<Answer>,
  ): Promise<Answer[]> {
    const parts = shards.map((): Value[] => []);
    for (const value of values) parts[shardOfId(idOf(value), shards.length)]?.push(value);
    const answers = await Promise.all(
      shards.map(async (shard, place) => {
        const part = parts[place] ?? [];
        const results: Answer[] = [];
        for (let start = 0; start < part.length; start += perMessage) {
          results.push(await reach(() => call(shard, part.slice(start, start + perMessage))));
        }
        return results;
      }),
    );
    return answers.flat();
  }

  return {
    maxNearest: 1000,
    async count() {
      const counts = await Promise.all(shards.map((shard) => reach(() => shard.count())));
      return counts.reduce((sum, count) => sum + count, 0);
    },
    async put(items) {
      const rows = items.map(({ id, vector, metadata }) => toShardItem(id, vector, JSON.stringify(metadata)));
      await spread(
        rows,
        ({ id }) => id,
        (shard, part) => shard.put(part),
      );
    },
    async get(ids) {
      const found = await spread(
        ids,
        (id) => id,
        (shard, part) => shard.get(part),
      );
      return found.flat().map(
        ({ id, values, scale, metadata }): Item => ({
          id,
          vector: fromInt8({ values, scale }),
          metadata: JSON.parse(metadata),
        }),
      );
    },
    async delete(ids) {
      await spread(
        ids,
        (id) => id,
        (shard, part) => shard.delete(part),
      );
    },
    async nearest(vector, count, conditions) {
      const lists = await Promise.all(
        shards.map((shard) => reach(() => shard.nearest(vector, count, conditions))),
      );
      return mergeNeighbours(
        [lists.flat().map((hit) => ({ ...hit, metadata: JSON.parse(hit.metadata) }))],
        count,
      );
    },
  };
}

/** FNV-1a of the id's UTF-8 bytes; part of the stored format, because it says where an item lies. */
export function shardOfId(id: string, shards: number): number {
  let hash = 0x811c9dc5;
  for (const byte of new TextEncoder().encode(id)) hash = Math.imul(hash ^ byte, 0x01000193);
  // The low bits of FNV-1a are its weakest.
  return ((hash ^ (hash >>> 15)) >>> 0) % shards;
}
