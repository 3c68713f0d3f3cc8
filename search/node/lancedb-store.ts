// Vectors in LanceDB: embedded, on disk or in an object store, with an approximate index for millions. The
// package is optional and loaded when a store is opened.

import { createRequire } from 'node:module';
import type { Connection, Index as LanceIndex, Table } from '@lancedb/lancedb';
import { InputError } from '../../core/errors.ts';
import { createTurns } from '../../core/turns.ts';
import type { Metadata, VectorSpace, VectorStore } from '../../core/vector-store.ts';
import { type IndexStore, withAliases } from '../index-alias.ts';
import { createReach } from '../reach.ts';
import {
  checkIndexName,
  checkSpace,
  createVectorIndex,
  type IndexBackend,
  noSuchIndex,
  parseSpace,
} from '../vector-index.ts';
import { ALIAS_TABLE, lanceAliases } from './lancedb-aliases.ts';
import { numberColumn, quote, textColumn, toLanceSql } from './lancedb-filter.ts';
import { type Arrow, emptySchema, toRows } from './lancedb-rows.ts';

const reach = createReach('LanceDB failed');

export interface LanceDbStore extends VectorStore {
  /**
   * Compacts the index's files and brings its approximate index up to date, which is built from
   * APPROXIMATE_FROM items on. Queries find everything before too, only slower.
   */
  optimise(name: string, approximateFrom?: number): Promise<void>;
}

/** Below this, comparing with every vector is as fast and finds all. */
export const APPROXIMATE_FROM = 50_000;

/** Key of the space in the table's schema. */
const SPACE_KEY = 'vgg-edge:space';
const TABLES_PER_PAGE = 1000;
/** Each field of the metadata takes two columns. */
const MAX_FIELDS = 128;
const MAX_NEAREST = 1000;
/** Candidates of the approximate index compared exactly, per hit wanted. */
const REFINE = 10;
/** Items of a partition, and partitions searched; more of these is slower and misses less. */
const PARTITION = 4096;
const NPROBES = 40;
/** For the graph's breadth, where there is one: at least. */
const BREADTH = 200;
/** RaBitQ packs a bit per dimension into bytes. */
const BITS_PER_BYTE = 8;

type LanceDb = typeof import('@lancedb/lancedb');

/** `uri` is a folder, or `s3://…`, `gs://…`, `az://…`. Throws InputError where LanceDB is not installed. */
export async function openLanceDbStore(uri: string): Promise<LanceDbStore> {
  let lance: LanceDb;
  try {
    lance = await import('@lancedb/lancedb');
  } catch (cause) {
    throw new InputError(
      'invalid_argument',
      `Expected LanceDB for ${uri} but it is not installed. Run \`npm install @lancedb/lancedb\`.`,
      { cause },
    );
  }
  // LanceDB's own copy, which is CommonJS: of tables made by another it writes no rows.
  const arrow: Arrow = createRequire(import.meta.url)('apache-arrow');
  const database = await reach(() => lance.connect(uri));

  const names = async (): Promise<string[]> => {
    const all: string[] = [];
    for (;;) {
      const last = all.at(-1);
      const page = await reach(() =>
        database.tableNames({ limit: TABLES_PER_PAGE, ...(last === undefined ? {} : { startAfter: last }) }),
      );
      all.push(...page);
      if (page.length < TABLES_PER_PAGE) return all.filter((name) => name !== ALIAS_TABLE).sort();
    }
  };
  const openTable = async (name: string): Promise<{ table: Table; space: VectorSpace }> => {
    checkIndexName(name);
    if (!(await names()).includes(name)) throw noSuchIndex(name);
    const table = await reach(() => database.openTable(name));
    return { table, space: await spaceOf(table) };
  };
  const open: VectorStore['open'] = async (name) => {
    const { table, space } = await openTable(name);
    return createVectorIndex(name, space, createBackend(arrow, table));
  };

  const store: IndexStore = {
    has: async (name) => (await names()).includes(name),
    list: async () =>
      Promise.all(
        (await names()).map(async (name) => {
          const index = await open(name);
          return index.describe();
        }),
      ),
    async create(name, space) {
      checkIndexName(name);
      if (!(await names()).includes(name)) await createTable(database, arrow, name, space);
      const { table, space: found } = await openTable(name);
      checkSpace(name, found, space);
      return createVectorIndex(name, space, createBackend(arrow, table));
    },
    open,
    async delete(name) {
      if (!(await names()).includes(name)) throw noSuchIndex(name);
      await reach(() => database.dropTable(name));
    },
    close: async () => database.close(),
  };
  const aliases = lanceAliases(database, arrow);
  return {
    ...withAliases(store, aliases),
    async optimise(name, approximateFrom = APPROXIMATE_FROM) {
      const { table, space } = await openTable((await aliases.find(name)) ?? name);
      const indexed = (await reach(() => table.listIndices())).map(({ columns }) => columns[0]);
      if (!indexed.includes('id'))
        await reach(() => table.createIndex('id', { config: lance.Index.btree() }));
      if (!indexed.includes('vector') && (await reach(() => table.countRows())) >= approximateFrom) {
        const items = await reach(() => table.countRows());
        await reach(() =>
          table.createIndex('vector', { config: vectorIndex(lance, space.dimensions, items) }),
        );
      }
      await reach(() => table.optimize());
    },
  };
}

/**
 * A bit per dimension (RaBitQ: Gao and Long, SIGMOD 2024, arXiv:2405.12497) in partitions: built in a
 * twentieth of the time of the graph, which stands in where the bits fill no bytes. By cosine, not 'dot',
 * which orders unit vectors alike: built with it, the graph found 4 of 100 neighbours.
 */
function vectorIndex({ Index }: LanceDb, dimensions: number, items: number): LanceIndex {
  if (dimensions % BITS_PER_BYTE !== 0) {
    return Index.hnswSq({ distanceType: 'cosine', m: 20, efConstruction: 200 });
  }
  const numPartitions = Math.max(1, Math.round(items / PARTITION));
  return Index.ivfRq({ distanceType: 'cosine', numPartitions, maxIterations: 20, sampleRate: 64 });
}

async function createTable(
  database: Connection,
  arrow: Arrow,
  name: string,
  space: VectorSpace,
): Promise<void> {
  const notes = new Map([[SPACE_KEY, JSON.stringify(parseSpace(space))]]);
  const schema = emptySchema(arrow, space, notes);
  await reach(() => database.createEmptyTable(name, schema, { mode: 'create', existOk: true }));
}

async function spaceOf(table: Table): Promise<VectorSpace> {
  const json = (await reach(() => table.schema())).metadata.get(SPACE_KEY);
  if (json === undefined) {
    throw new InputError(
      'invalid_file',
      `Expected an index of vgg-edge but the table '${table.name}' is none.`,
    );
  }
  return parseSpace(JSON.parse(json));
}

function createBackend(arrow: Arrow, table: Table): IndexBackend {
  // Two writes at once would conflict, and the columns must stand before the rows that need them.
  const turns = createTurns();

  const columns = async (): Promise<Set<string>> =>
    new Set((await reach(() => table.schema())).fields.map(({ name }) => name));

  async function addColumns(metadata: readonly Metadata[]): Promise<Set<string>> {
    const known = await columns();
    const fields = new Set(metadata.flatMap(Object.keys));
    const added = [...fields].filter((field) => !known.has(textColumn(field)));
    if (added.length === 0) return known;
    if (known.size / 2 + added.length > MAX_FIELDS) {
      throw new InputError(
        'invalid_option',
        `Expected at most ${MAX_FIELDS} different metadata fields in an index.`,
        {
          param: 'metadata',
        },
      );
    }
    await reach(() =>
      table.addColumns(
        added.flatMap((field) => [
          { name: textColumn(field), valueSql: 'CAST(NULL AS string)' },
          { name: numberColumn(field), valueSql: 'CAST(NULL AS double)' },
        ]),
      ),
    );
    return columns();
  }

  return {
    maxNearest: MAX_NEAREST,
    count: () => reach(() => table.countRows()),

    put: (items) =>
      turns(async () => {
        const known = await addColumns(items.map(({ metadata }) => metadata));
        const fields = [...known].flatMap((name) => (name.startsWith('text_') ? [name.slice(5)] : []));
        const rows = toRows(arrow, items, fields);
        await reach(() =>
          table.mergeInsert('id').whenMatchedUpdateAll().whenNotMatchedInsertAll().execute(rows),
        );
      }),

    async get(ids) {
      const rows = await reach(() =>
        table
          .query()
          .where(`id IN (${ids.map(quote).join(', ')})`)
          .select(['id', 'vector', 'metadata'])
          .toArray(),
      );
      return rows.map(({ id, vector, metadata }) => ({
        id: String(id),
        vector: Float32Array.from(vector),
        metadata: JSON.parse(metadata),
      }));
    },

    delete: (ids) =>
      turns(async () => {
        await reach(() => table.delete(`id IN (${ids.map(quote).join(', ')})`));
      }),

    async nearest(vector, count, conditions) {
      const known = await columns();
      // A field that no item ever had has no column.
      if (conditions.some(({ field }) => !known.has(textColumn(field)))) return [];
      let query = table
        .vectorSearch(vector)
        .distanceType('cosine')
        .ef(Math.max(BREADTH, count * REFINE))
        .nprobes(NPROBES)
        .refineFactor(REFINE)
        .select(['id', 'metadata', '_distance'])
        .limit(count);
      if (conditions.length > 0) query = query.where(conditions.map(toLanceSql).join(' AND '));
      const rows = await reach(() => query.toArray());
      return rows.map(({ id, metadata, _distance: distance }) => ({
        id: String(id),
        metadata: JSON.parse(metadata),
        score: 1 - Number(distance),
      }));
    },
  };
}
