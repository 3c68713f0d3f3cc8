// Aliases of LanceDB's indexes: a table beside theirs.

import type { Connection } from '@lancedb/lancedb';
import type { IndexAlias } from '../../core/vector-store.ts';
import type { AliasTable } from '../index-alias.ts';
import { createReach } from '../reach.ts';
import { quote } from './lancedb-filter.ts';

const reach = createReach('LanceDB failed');

/** No index can have this name. */
export const ALIAS_TABLE = '_aliases';

/** A table of its own; each change of it is one commit. */
export function lanceAliases(database: Connection, arrow: typeof import('apache-arrow')): AliasTable {
  const open = () => reach(() => database.openTable(ALIAS_TABLE));
  const exists = async () =>
    (await reach(() => database.tableNames({ limit: 1, startAfter: ALIAS_TABLE.slice(0, -1) })))[0] ===
    ALIAS_TABLE;
  const rows = async (condition?: string): Promise<IndexAlias[]> => {
    if (!(await exists())) return [];
    const query = (await open()).query();
    const found = await reach(() => (condition === undefined ? query : query.where(condition)).toArray());
    return found.map(({ alias, target }) => ({ alias: String(alias), index: String(target) }));
  };
  return {
    list: () => rows(),
    find: async (alias) => (await rows(`alias = ${quote(alias)}`))[0]?.index,
    async set(alias, index) {
      const { Field, Schema, Utf8 } = arrow;
      const schema = new Schema(['alias', 'target'].map((name) => new Field(name, new Utf8(), false)));
      const table = await reach(() =>
        database.createEmptyTable(ALIAS_TABLE, schema, { mode: 'create', existOk: true }),
      );
      await reach(() =>
        table
          .mergeInsert('alias')
          .whenMatchedUpdateAll()
          .whenNotMatchedInsertAll()
          .execute([{ alias, target: index }]),
      );
    },
    async delete(alias) {
      const table = await open();
      await reach(() => table.delete(`alias = ${quote(alias)}`));
    },
  };
}
