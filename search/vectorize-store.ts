// Vectors in Cloudflare Vectorize: managed, to ten million per index. Within its documented limits
// (developers.cloudflare.com/vectorize/platform/limits). Writes are asynchronous there: what was upserted
// is found some seconds later.

import { InputError } from '../core/errors.ts';
import type { Item, Metadata, VectorSpace, VectorStore } from '../core/vector-store.ts';
import { type IndexStore, withAliases } from './index-alias.ts';
import { hashKey } from './item-key.ts';
import type { Condition } from './metadata-filter.ts';
import { createReach } from './reach.ts';
import {
  checkIndexName,
  checkSpace,
  createVectorIndex,
  type IndexBackend,
  noSuchIndex,
  parseSpace,
} from './vector-index.ts';
import { vectorizeAliases } from './vectorize-aliases.ts';
import type {
  MetadataIndex,
  VectorizeAccount,
  VectorizeData,
  VectorizeFilter,
  VectorizeMetadata,
} from './vectorize-api.ts';

const reach = createReach('Vectorize failed');

const MIN_DIMENSIONS = 32;
const MAX_DIMENSIONS = 1536;
const MAX_TOP_K = 100;
const MAX_TOP_K_WITH_METADATA = 20;
const MAX_IDS = 20;
const MAX_METADATA_BYTES = 10 * 1024;
const MAX_INDEXED_BYTES = 64;
const MAX_FILTER_BYTES = 2048;
/** Each takes two of the ten metadata indexes. */
const MAX_FILTERABLE = 5;

/**
 * `filterable` names the metadata fields that queries may filter by; Vectorize indexes them when an item is
 * written, so they must be known when the index is created.
 */
export function createVectorizeStore(
  reached: VectorizeAccount,
  filterable: readonly string[] = [],
): VectorStore {
  if (filterable.length > MAX_FILTERABLE) {
    throw new InputError(
      'invalid_argument',
      `Expected at most ${MAX_FILTERABLE} filterable fields but found ${filterable.length}.`,
    );
  }
  const account = reachable(reached);
  const ours = async (): Promise<Map<string, VectorSpace>> => {
    const found = await account.list();
    return new Map(
      found.flatMap(({ name, description }) => {
        const space = spaceIn(description);
        return space === undefined ? [] : [[name, space]];
      }),
    );
  };
  const indexOf = (name: string, space: VectorSpace) =>
    createVectorIndex(name, space, createBackend(account.data(name), filterable));

  const store: IndexStore = {
    names: async () => [...(await ours()).keys()].sort(),
    async create(name, space) {
      checkIndexName(name);
      const { dimensions } = parseSpace(space);
      if (dimensions < MIN_DIMENSIONS || dimensions > MAX_DIMENSIONS) {
        throw new InputError(
          'invalid_option',
          `Expected ${MIN_DIMENSIONS} to ${MAX_DIMENSIONS} dimensions for Vectorize but found ${dimensions}. Pool the features, or fit a projection.`,
          { param: 'dimensions' },
        );
      }
      const found = (await ours()).get(name);
      if (found !== undefined) checkSpace(name, found, space);
      else await account.create(name, dimensions, describeSpace(space), filterable.flatMap(metadataIndexes));
      return indexOf(name, space);
    },
    async open(name) {
      const space = (await ours()).get(name);
      if (space === undefined) throw noSuchIndex(name);
      return indexOf(name, space);
    },
    async delete(name) {
      if (!(await ours()).has(name)) throw noSuchIndex(name);
      await account.delete(name);
    },
    async close() {},
  };
  return withAliases(store, vectorizeAliases(account));
}

function createBackend(data: VectorizeData, filterable: readonly string[]): IndexBackend {
  const fetchItems = async (keys: readonly string[]): Promise<Item[]> => {
    const items: Item[] = [];
    for (let start = 0; start < keys.length; start += MAX_IDS) {
      const found = await data.getByIds(keys.slice(start, start + MAX_IDS));
      items.push(
        ...found.map(({ values, metadata }) => ({
          ...readMetadata(metadata),
          vector: Float32Array.from(values),
        })),
      );
    }
    return items;
  };

  return {
    maxNearest: MAX_TOP_K,
    async count() {
      return (await data.describe()).vectorCount;
    },
    async put(items) {
      const vectors = await Promise.all(
        items.map(async ({ id, vector, metadata }) => ({
          id: await hashKey(id),
          values: Array.from(vector),
          metadata: await writeMetadata(id, metadata, filterable),
        })),
      );
      await data.upsert(vectors);
    },
    get: async (ids) => fetchItems(await Promise.all(ids.map(hashKey))),
    async delete(ids) {
      const keys = await Promise.all(ids.map(hashKey));
      await data.deleteByIds(keys);
    },
    async nearest(vector, count, conditions) {
      const filter = await toVectorizeFilter(conditions, filterable);
      const withMetadata = count <= MAX_TOP_K_WITH_METADATA;
      const { matches } = await data.query(Array.from(vector), {
        topK: count,
        returnMetadata: withMetadata ? 'all' : 'none',
        ...(filter === undefined ? {} : { filter }),
      });
      if (withMetadata) {
        return matches.map(({ score, metadata = {} }) => ({ score, ...readMetadata(metadata) }));
      }
      const items = new Map<string, Item>();
      for (const item of await fetchItems(matches.map(({ id }) => id)))
        items.set(await hashKey(item.id), item);
      return matches.flatMap(({ id: key, score }) => {
        const item = items.get(key);
        return item === undefined ? [] : [{ id: item.id, metadata: item.metadata, score }];
      });
    },
  };
}

/** Ids have 64 bytes there, so the id lies in the metadata; ours as JSON, because types are indexed apart. */
async function writeMetadata(
  id: string,
  metadata: Metadata,
  filterable: readonly string[],
): Promise<VectorizeMetadata> {
  const written: VectorizeMetadata = { id, metadata: JSON.stringify(metadata) };
  for (const field of filterable) {
    const value = Object.hasOwn(metadata, field) ? metadata[field] : undefined;
    if (value !== undefined) written[textProperty(field)] = await indexedText(value);
    if (typeof value === 'number') written[numberProperty(field)] = value;
  }
  const bytes = new TextEncoder().encode(JSON.stringify(written)).length;
  if (bytes > MAX_METADATA_BYTES) {
    throw new InputError(
      'invalid_option',
      `Expected at most ${MAX_METADATA_BYTES} bytes of id and metadata for item '${id}' in Vectorize but found ${bytes}.`,
      { param: 'metadata' },
    );
  }
  return written;
}

function readMetadata({ id, metadata }: VectorizeMetadata): { id: string; metadata: Metadata } {
  return { id: String(id), metadata: JSON.parse(String(metadata)) };
}

async function toVectorizeFilter(
  conditions: readonly Condition[],
  filterable: readonly string[],
): Promise<VectorizeFilter | undefined> {
  if (conditions.length === 0) return undefined;
  const filter: VectorizeFilter = {};
  for (const condition of conditions) {
    const { field } = condition;
    if (!filterable.includes(field)) {
      throw new InputError(
        'invalid_option',
        `Expected one of ${filterable.join(', ') || 'no fields'} to filter by but found '${field}'. Vectorize filters by fields that were named when the index was created.`,
        { param: 'filter' },
      );
    }
    if (condition.kind === 'in') {
      filter[textProperty(field)] = { $in: await Promise.all(condition.values.map(indexedText)) };
    } else {
      filter[numberProperty(field)] = Object.fromEntries(
        condition.bounds.map(({ operator, value }) => [`$${operator}`, value]),
      );
    }
  }
  if (new TextEncoder().encode(JSON.stringify(filter)).length > MAX_FILTER_BYTES) {
    throw new InputError(
      'invalid_option',
      `Expected a filter of at most ${MAX_FILTER_BYTES} bytes for Vectorize.`,
      { param: 'filter' },
    );
  }
  return filter;
}

/** The value as JSON, so that "1", 1 and true differ; a hash where it is longer than what is indexed. */
async function indexedText(value: string | number | boolean): Promise<string> {
  const text = JSON.stringify(value);
  if (new TextEncoder().encode(text).length <= MAX_INDEXED_BYTES) return text;
  return `#${(await hashKey(text)).slice(0, 32)}`;
}

function metadataIndexes(field: string): MetadataIndex[] {
  return [
    { propertyName: textProperty(field), indexType: 'string' },
    { propertyName: numberProperty(field), indexType: 'number' },
  ];
}

function textProperty(field: string): string {
  return `text_${field}`;
}

/** For ranges. */
function numberProperty(field: string): string {
  return `number_${field}`;
}

function describeSpace(space: VectorSpace): string {
  return JSON.stringify({ 'vgg-edge': space });
}

/** Undefined for indexes of others. */
function spaceIn(description: string): VectorSpace | undefined {
  try {
    return parseSpace(JSON.parse(description)['vgg-edge']);
  } catch {
    return undefined;
  }
}

/** The account, its failures sorted by who must act. */
function reachable(account: VectorizeAccount): VectorizeAccount {
  return {
    list: () => reach(() => account.list()),
    create: (...index) => reach(() => account.create(...index)),
    delete: (name) => reach(() => account.delete(name)),
    data(name) {
      const data = account.data(name);
      return {
        describe: () => reach(() => data.describe()),
        upsert: (vectors) => reach(() => data.upsert(vectors)),
        getByIds: (ids) => reach(() => data.getByIds(ids)),
        deleteByIds: (ids) => reach(() => data.deleteByIds(ids)),
        query: (...query) => reach(() => data.query(...query)),
      };
    },
  };
}
