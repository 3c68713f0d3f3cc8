// One index of LanceDB: the rows of a table as the items of a VectorIndex.

import type { Table } from '@lancedb/lancedb';
import { InputError } from '../../core/errors.ts';
import type { Turns } from '../../core/turns.ts';
import type { Metadata } from '../../core/vector-store.ts';
import type { IndexBackend } from '../vector-index.ts';
import { numberColumn, quote, textColumn, toLanceSql } from './lancedb-filter.ts';
import { onLatest } from './lancedb-latest.ts';
import { BREADTH, NPROBES, REFINE } from './lancedb-optimise.ts';
import { type Arrow, toRows } from './lancedb-rows.ts';

/** Each field of the metadata takes two columns. */
const MAX_FIELDS = 128;
const MAX_NEAREST = 1000;

/** What all who write to one index in this process share. */
export interface LanceWriters {
  /** Two writes at once would conflict, and the columns must stand before the rows that need them. */
  readonly turns: Turns;
  /** Told of each write when it is done, within its turn. */
  wrote(table: Table): Promise<void>;
}

export function lanceBackend(arrow: Arrow, table: Table, { turns, wrote }: LanceWriters): IndexBackend {
  const reach = onLatest(table);

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
        await wrote(table);
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
      const rows = await reach(() => {
        const query = table
          .vectorSearch(vector)
          .distanceType('cosine')
          .ef(Math.max(BREADTH, count * REFINE))
          .nprobes(NPROBES)
          .refineFactor(REFINE)
          .select(['id', 'metadata', '_distance'])
          .limit(count);
        if (conditions.length > 0) query.where(conditions.map(toLanceSql).join(' AND '));
        return query.toArray();
      });
      return rows.map(({ id, metadata, _distance: distance }) => ({
        id: String(id),
        metadata: JSON.parse(metadata),
        score: 1 - Number(distance),
      }));
    },
  };
}
