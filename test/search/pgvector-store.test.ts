// pgvector in PGlite: PostgreSQL itself, compiled to WASM.

import { PGlite } from '@electric-sql/pglite';
import { vector } from '@electric-sql/pglite-pgvector';
import { createPgvectorStore, type RunSql } from '../../search/node/pgvector-store.ts';
import { vectorStoreContract } from './vector-store-contract.ts';

const runOn =
  (runner: Pick<PGlite, 'query'>): RunSql =>
  async (sql, parameters = []) => {
    const { rows } = await runner.query<Record<string, unknown>>(sql, [...parameters]);
    return rows;
  };

vectorStoreContract('pgvector', async () => {
  const database = new PGlite({ extensions: { vector } });
  const open = () =>
    createPgvectorStore({
      run: runOn(database),
      transaction: (work) => database.transaction((transaction) => work(runOn(transaction))),
      close: () => database.close(),
    });
  return { store: await open(), tolerance: 1e-5, reopen: open };
});
