// Vectors in LanceDB: embedded, on disk or in an object store, with an approximate index for millions. The
// package is optional and loaded when a store is opened.

import { createRequire } from 'node:module';
import type { Connection, Table } from '@lancedb/lancedb';
import { InputError } from '../../core/errors.ts';
import { createTurns } from '../../core/turns.ts';
import type { VectorIndex, VectorSpace, VectorStore } from '../../core/vector-store.ts';
import { type IndexStore, withAliases } from '../index-alias.ts';
import { createReach } from '../reach.ts';
import { checkIndexName, checkSpace, createVectorIndex, noSuchIndex, parseSpace } from '../vector-index.ts';
import { ALIAS_TABLE, lanceAliases } from './lancedb-aliases.ts';
import { type LanceWriters, lanceBackend } from './lancedb-backend.ts';
import { APPROXIMATE_FROM, buildApproximateIndex, compact, isDue, type LanceDb } from './lancedb-optimise.ts';
import { type Arrow, emptySchema } from './lancedb-rows.ts';

const reach = createReach('LanceDB failed');

export interface LanceDbStore extends VectorStore {
  /**
   * Compacts the index's files, deletes its earlier versions and brings its approximate index up to date,
   * which is built from APPROXIMATE_FROM items on. Queries find everything before too, only slower.
   */
  optimise(name: string, approximateFrom?: number): Promise<void>;
}

interface OpenTable {
  readonly table: Table;
  readonly space: VectorSpace;
}

/** Key of the space in the table's schema. */
const SPACE_KEY = 'vgg-edge:space';
const TABLES_PER_PAGE = 1000;

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
  const openTable = async (name: string): Promise<OpenTable> => {
    checkIndexName(name);
    if (!(await names()).includes(name)) throw noSuchIndex(name);
    const table = await reach(() => database.openTable(name));
    return { table, space: await spaceOf(table) };
  };
  const writers = new Map<string, LanceWriters>();
  const writersOf = (name: string): LanceWriters => {
    const found = writers.get(name) ?? createWriters(lance);
    writers.set(name, found);
    return found;
  };
  const indexOf = (name: string, { table, space }: OpenTable): VectorIndex =>
    createVectorIndex(name, space, lanceBackend(arrow, table, writersOf(name)));
  const open: VectorStore['open'] = async (name) => indexOf(name, await openTable(name));

  const store: IndexStore = {
    names,
    async create(name, space) {
      checkIndexName(name);
      if (!(await names()).includes(name)) await createTable(database, arrow, name, space);
      const opened = await openTable(name);
      checkSpace(name, opened.space, space);
      return indexOf(name, opened);
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
      const index = (await aliases.find(name)) ?? name;
      const { table, space } = await openTable(index);
      await writersOf(index).turns(async () => {
        await compact(lance, table);
        await buildApproximateIndex(lance, table, space.dimensions, approximateFrom);
      });
    },
  };
}

function createWriters(lance: LanceDb): LanceWriters {
  let writes = 0;
  return {
    turns: createTurns(),
    async wrote(table) {
      writes += 1;
      if (!isDue(writes, await reach(() => table.countRows()))) return;
      await compact(lance, table);
      writes = 0;
    },
  };
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
