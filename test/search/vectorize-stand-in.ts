// Vectorize as documented in November 2026, limits included: what it refuses, this refuses; writes show only
// after `settle`. https://developers.cloudflare.com/vectorize/platform/limits/

import type {
  MetadataIndex,
  VectorizeAccount,
  VectorizeData,
  VectorizeFilter,
  VectorizeMetadata,
  VectorizeVector,
} from '../../search/vectorize-api.ts';

const utf8 = new TextEncoder();
const bytesOf = (value: string) => utf8.encode(value).length;

function limit(holds: boolean, what: string): void {
  if (!holds) throw new Error(`VECTORIZE_STAND_IN: ${what}`);
}

interface StoredIndex {
  readonly description: string;
  readonly dimensions: number;
  readonly indexes: MetadataIndex[];
  readonly vectors: Map<string, VectorizeVector>;
  readonly pending: (() => void)[];
}

export interface VectorizeStandIn extends VectorizeAccount {
  addMetadataIndex(name: string, index: MetadataIndex): Promise<void>;
  /** The mutations so far are processed. */
  settle(): Promise<void>;
}

export function createVectorizeStandIn(): VectorizeStandIn {
  const stored = new Map<string, StoredIndex>();
  return {
    list: async () => [...stored].map(([name, { description }]) => ({ name, description })),
    async create(name, dimensions, description, indexes) {
      limit(!stored.has(name), `index ${name} exists`);
      limit(/^[a-z0-9-]+$/.test(name) && bytesOf(name) <= 64, 'index name of at most 64 bytes');
      limit(dimensions >= 32 && dimensions <= 1536, '32 to 1536 dimensions');
      limit(indexes.length <= 10, 'at most 10 metadata indexes');
      stored.set(name, { description, dimensions, indexes: [...indexes], vectors: new Map(), pending: [] });
    },
    async delete(name) {
      limit(stored.delete(name), `no index ${name}`);
    },
    data(name) {
      const index = stored.get(name);
      if (index === undefined) throw new Error(`no index ${name}`);
      return dataOf(index);
    },
    async addMetadataIndex(name, index) {
      const indexes = stored.get(name)?.indexes ?? [];
      limit(indexes.length < 10, 'at most 10 metadata indexes');
      indexes.push(index);
    },
    async settle() {
      for (const { pending } of stored.values()) for (const apply of pending.splice(0)) apply();
    },
  };
}

function dataOf({ dimensions, indexes, vectors, pending }: StoredIndex): VectorizeData {
  return {
    describe: async () => ({ vectorCount: vectors.size }),
    async upsert(added) {
      limit(added.length <= 1000, 'at most 1000 vectors per upsert from a Worker');
      for (const { id, values, metadata } of added) {
        limit(bytesOf(id) <= 64, 'ids of at most 64 bytes');
        limit(values.length === dimensions, `${dimensions} dimensions`);
        limit(bytesOf(JSON.stringify(metadata)) <= 10 * 1024, 'metadata of at most 10 KiB');
        limit(
          Object.keys(metadata).every((key) => key !== '' && !/^\$|[."]/.test(key)),
          'metadata keys without dots, quotes and leading $',
        );
      }
      pending.push(() => {
        for (const vector of added)
          vectors.set(vector.id, { ...vector, values: Float32Array.from(vector.values) });
      });
    },
    async getByIds(ids) {
      limit(ids.length <= 20, 'at most 20 ids');
      return ids.flatMap((id) => vectors.get(id) ?? []);
    },
    async deleteByIds(ids) {
      pending.push(() => {
        for (const id of ids) vectors.delete(id);
      });
    },
    async query(vector, { topK, returnMetadata, filter = {} }) {
      limit(vector.length === dimensions, `${dimensions} dimensions`);
      limit(
        topK >= 1 && topK <= (returnMetadata === 'all' ? 20 : 100),
        'topK of 20 with metadata, 100 without',
      );
      limit(bytesOf(JSON.stringify(filter)) < 2048, 'a filter of less than 2048 bytes');
      const found = [...vectors.values()]
        .filter(({ metadata }) => holds(filter, metadata, indexes))
        .map(({ id, values, metadata }) => {
          const score = cosine(vector, values);
          return returnMetadata === 'all' ? { id, score, metadata } : { id, score };
        });
      return { matches: found.sort((a, b) => b.score - a.score).slice(0, topK) };
    },
  };
}

function holds(
  filter: VectorizeFilter,
  metadata: VectorizeMetadata,
  indexes: readonly MetadataIndex[],
): boolean {
  return Object.entries(filter).every(([key, { $in, $gt, $gte, $lt, $lte }]) => {
    const index = indexes.find(({ propertyName }) => propertyName === key);
    limit(index !== undefined, `no metadata index for ${key}`);
    const value = metadata[key];
    if (index?.indexType === 'string') {
      return typeof value === 'string' && $in?.includes(value.slice(0, 64)) === true;
    }
    return (
      typeof value === 'number' &&
      ($gt === undefined || value > $gt) &&
      ($gte === undefined || value >= $gte) &&
      ($lt === undefined || value < $lt) &&
      ($lte === undefined || value <= $lte)
    );
  });
}

function cosine(a: readonly number[], b: ArrayLike<number>): number {
  const sum = a.reduce((total, value, place) => total + value * (b[place] ?? 0), 0);
  return sum / Math.hypot(...a) / Math.hypot(...Array.from(b));
}
