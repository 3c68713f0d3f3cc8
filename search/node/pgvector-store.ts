// Vectors in PostgreSQL with pgvector, beside whatever else the database holds. The driver is an argument:
// node-postgres (openPostgres), or PGlite in tests.

import { InputError } from '../../core/errors.ts';
import type { IndexAlias, VectorIndex, VectorSpace, VectorStore } from '../../core/vector-store.ts';
import { checkDeletable, indexHasName, listWithAliases, noSuchAlias, noTarget } from '../index-alias.ts';
import type { Condition, RangeOperator } from '../metadata-filter.ts';
import { createReach } from '../reach.ts';
import {
  checkIndexName,
  checkSpace,
  createVectorIndex,
  type IndexBackend,
  noSuchIndex,
  parseSpace,
} from '../vector-index.ts';

const reach = createReach('PostgreSQL failed');

/** Runs one statement with $1, $2, …; gives the rows. */
export type RunSql = (
  sql: string,
  parameters?: readonly unknown[],
) => Promise<readonly Record<string, unknown>[]>;

export interface PostgresDatabase {
  readonly run: RunSql;
  /** All statements of `work` in one transaction, on one connection. */
  transaction<T>(work: (run: RunSql) => Promise<T>): Promise<T>;
  close(): Promise<void>;
}

/** pgvector's limits of the types, and of HNSW over them; beyond these every vector is compared. */
const MAX_DIMENSIONS = 16_000;
const MAX_HNSW_DIMENSIONS = 2000;
const MAX_NEAREST = 1000;

/** Makes its tables, all in the schema `vgg_edge`, where they are missing. */
export async function createPgvectorStore(database: PostgresDatabase): Promise<VectorStore> {
  const run: RunSql = (sql, parameters) => reach(() => database.run(sql, parameters));
  await run('CREATE EXTENSION IF NOT EXISTS vector');
  await run('CREATE SCHEMA IF NOT EXISTS vgg_edge');
  await run(
    'CREATE TABLE IF NOT EXISTS vgg_edge.indexes (name text PRIMARY KEY, number serial UNIQUE, space jsonb NOT NULL)',
  );

  await run(
    'CREATE TABLE IF NOT EXISTS vgg_edge.aliases (alias text PRIMARY KEY, target text NOT NULL REFERENCES vgg_edge.indexes (name))',
  );
  /** What indexes and aliases there are changes one after another, so that no two names come to clash. */
  const change = <T>(work: (run: RunSql) => Promise<T>): Promise<T> =>
    reach(() =>
      database.transaction(async (run) => {
        await run('LOCK TABLE vgg_edge.indexes IN SHARE ROW EXCLUSIVE MODE');
        return work(run);
      }),
    );
  const open: VectorStore['open'] = async (name) => {
    const found = await find(run, name);
    if (found === undefined) throw noSuchIndex(name);
    return indexOf(database, found);
  };

  const names = async (): Promise<string[]> => {
    const rows = await run('SELECT name FROM vgg_edge.indexes');
    return rows.map(({ name }) => String(name)).sort();
  };

  return {
    async list() {
      const infos = (await names()).map(async (name) => (await open(name)).describe());
      return listWithAliases(await Promise.all(infos), await listAliases(run));
    },
    names,
    async create(name, space) {
      checkIndexName(name);
      checkDimensions(space);
      const found = (await find(run, name)) ?? (await change((run) => createIndex(run, name, space)));
      checkSpace(found.name, found.space, space);
      return indexOf(database, found);
    },
    open,
    delete: (name) =>
      change(async (run) => {
        checkDeletable(name, await listAliases(run));
        const found = await find(run, name);
        if (found === undefined) throw noSuchIndex(name);
        await run(`DROP TABLE IF EXISTS ${found.table}`);
        await run('DELETE FROM vgg_edge.indexes WHERE name = $1', [name]);
      }),
    aliases: () => listAliases(run),
    setAlias: (alias, index) =>
      change(async (run) => {
        checkIndexName(alias);
        if ((await find(run, alias))?.name === alias) throw indexHasName(alias);
        const target = (await find(run, index))?.name;
        if (target !== index) throw noTarget(index, target);
        await run(
          'INSERT INTO vgg_edge.aliases VALUES ($1, $2) ON CONFLICT (alias) DO UPDATE SET target = excluded.target',
          [alias, index],
        );
      }),
    async deleteAlias(alias) {
      const deleted = await run('DELETE FROM vgg_edge.aliases WHERE alias = $1 RETURNING alias', [alias]);
      if (deleted.length === 0) throw noSuchAlias(alias);
    },
    close: () => database.close(),
  };
}

interface StoredIndex {
  readonly name: string;
  readonly space: VectorSpace;
  /** Of its items. */
  readonly table: string;
}

/** By name or alias. */
async function find(run: RunSql, name: string): Promise<StoredIndex | undefined> {
  const [row] = await run(
    `SELECT name, number, space FROM vgg_edge.indexes
     WHERE name = coalesce((SELECT target FROM vgg_edge.aliases WHERE alias = $1), $1)`,
    [name],
  );
  return row && { name: String(row.name), space: parseSpace(row.space), table: tableName(row) };
}

/** Where another was faster, what that made. */
async function createIndex(run: RunSql, name: string, space: VectorSpace): Promise<StoredIndex> {
  const found = await find(run, name);
  if (found !== undefined) return found;
  const [row = {}] = await run(
    'INSERT INTO vgg_edge.indexes (name, space) VALUES ($1, $2) RETURNING number',
    [name, JSON.stringify(parseSpace(space))],
  );
  await createTable(run, tableName(row), space.dimensions);
  return { name, space, table: tableName(row) };
}

async function listAliases(run: RunSql): Promise<IndexAlias[]> {
  const rows = await run('SELECT alias, target FROM vgg_edge.aliases');
  const aliases = rows.map(({ alias, target }) => ({ alias: String(alias), index: String(target) }));
  return aliases.sort((a, b) => (a.alias < b.alias ? -1 : 1));
}

function indexOf(database: PostgresDatabase, { name, space, table }: StoredIndex): VectorIndex {
  return createVectorIndex(name, space, createBackend(database, table));
}

/** Through node-postgres, an optional package. Throws InputError where it is not installed. */
export async function openPostgres(url: string): Promise<PostgresDatabase> {
  let postgres: typeof import('pg');
  try {
    postgres = await import('pg');
  } catch (cause) {
    throw new InputError(
      'invalid_argument',
      'Expected node-postgres but it is not installed. Run `npm install pg`.',
      {
        cause,
      },
    );
  }
  const pool = new postgres.default.Pool({ connectionString: url });
  // An error of a connection reaches whoever asked or asks next; as an event it must not end the process.
  pool.on('error', ignore);
  return {
    run: async (sql, parameters = []) => (await pool.query(sql, [...parameters])).rows,
    async transaction(work) {
      const client = await pool.connect();
      client.on('error', ignore);
      let failed = false;
      try {
        await client.query('BEGIN');
        const result = await work(
          async (sql, parameters = []) => (await client.query(sql, [...parameters])).rows,
        );
        await client.query('COMMIT');
        return result;
      } catch (error) {
        // A connection that is lost has rolled back by itself; one that cannot is not used again.
        await client.query('ROLLBACK').catch(() => {
          failed = true;
        });
        throw error;
      } finally {
        client.off('error', ignore);
        client.release(failed);
      }
    },
    close: () => pool.end(),
  };
}

function ignore(): void {}

/** Vectors have length 1, so the inner product is the cosine and the cheapest to compute. */
async function createTable(run: RunSql, table: string, dimensions: number): Promise<void> {
  await run(
    `CREATE TABLE ${table} (id text PRIMARY KEY, embedding vector(${dimensions}) NOT NULL, metadata jsonb NOT NULL)`,
  );
  if (dimensions <= MAX_HNSW_DIMENSIONS) {
    await run(`CREATE INDEX ON ${table} USING hnsw (embedding vector_ip_ops)`);
  }
}

function createBackend(database: PostgresDatabase, table: string): IndexBackend {
  const run: RunSql = (sql, parameters) => reach(() => database.run(sql, parameters));
  return {
    maxNearest: MAX_NEAREST,
    async count() {
      const [row] = await run(`SELECT count(*)::int AS items FROM ${table}`);
      return Number(row?.items);
    },
    async put(items) {
      await run(
        `INSERT INTO ${table} (id, embedding, metadata)
         SELECT id, embedding::vector, metadata::jsonb
         FROM unnest($1::text[], $2::text[], $3::text[]) AS added (id, embedding, metadata)
         ON CONFLICT (id) DO UPDATE SET embedding = excluded.embedding, metadata = excluded.metadata`,
        [
          items.map(({ id }) => id),
          items.map(({ vector }) => toLiteral(vector)),
          items.map(({ metadata }) => JSON.stringify(metadata)),
        ],
      );
    },
    async get(ids) {
      const rows = await run(
        `SELECT id, embedding::text AS embedding, metadata::text AS metadata FROM ${table} WHERE id = ANY($1)`,
        [ids],
      );
      return rows.map(({ id, embedding, metadata }) => ({
        id: String(id),
        vector: Float32Array.from(JSON.parse(String(embedding))),
        metadata: JSON.parse(String(metadata)),
      }));
    },
    async delete(ids) {
      await run(`DELETE FROM ${table} WHERE id = ANY($1)`, [ids]);
    },
    nearest: (vector, count, conditions) =>
      reach(() =>
        database.transaction(async (run) => {
          // HNSW alone gives ef_search candidates before the filter; iterating goes on until there are enough.
          await run("SELECT set_config('hnsw.ef_search', $1, true)", [String(Math.max(100, count))]);
          await run("SELECT set_config('hnsw.iterative_scan', 'strict_order', true)");
          const filters = conditions.map((condition, place) => toJsonbSql(condition, `$${place + 3}`));
          const rows = await run(
            `SELECT id, metadata::text AS metadata, -(embedding <#> $1::vector) AS score FROM ${table}
             ${filters.length === 0 ? '' : `WHERE ${filters.map(({ sql }) => sql).join(' AND ')}`}
             ORDER BY embedding <#> $1::vector LIMIT $2`,
            [toLiteral(vector), count, ...filters.map(({ parameter }) => parameter)],
          );
          return rows.map(({ id, metadata, score }) => ({
            id: String(id),
            metadata: JSON.parse(String(metadata)),
            score: Number(score),
          }));
        }),
      ),
  };
}

const OPERATORS: Readonly<Record<RangeOperator, string>> = { gt: '>', gte: '>=', lt: '<', lte: '<=' };

/** jsonb compares type and value; a range needs its type asked for, for a string is less than any number. */
function toJsonbSql(condition: Condition, parameter: string): { sql: string; parameter: string } {
  const value = `metadata -> '${condition.field}'`;
  if (condition.kind === 'in') {
    return {
      sql: `(${value}) IN (SELECT jsonb_array_elements(${parameter}::jsonb))`,
      parameter: JSON.stringify(condition.values),
    };
  }
  const bounds = condition.bounds.map(
    ({ operator }, place) => `(${value}) ${OPERATORS[operator]} (${parameter}::jsonb -> ${place})`,
  );
  return {
    sql: [`jsonb_typeof(${value}) = 'number'`, ...bounds].join(' AND '),
    parameter: JSON.stringify(condition.bounds.map((bound) => bound.value)),
  };
}

function tableName({ number }: Record<string, unknown>): string {
  return `vgg_edge.items_${Number(number)}`;
}

function toLiteral(vector: Float32Array): string {
  return `[${vector.join(',')}]`;
}

function checkDimensions({ dimensions }: VectorSpace): void {
  if (dimensions <= MAX_DIMENSIONS) return;
  throw new InputError(
    'invalid_option',
    `Expected at most ${MAX_DIMENSIONS} dimensions for pgvector but found ${dimensions}. Pool the features, or fit a projection.`,
    { param: 'dimensions' },
  );
}
