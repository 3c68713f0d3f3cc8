// A Durable Object that holds one shard of an index: items in its SQLite, their vectors also in WASM memory
// for the exact scan. search/edge/durable-object-store.ts spreads an index over several of these.

import { DurableObject } from 'cloudflare:workers';
import { toInt8 } from '../../core/quantise-vector.ts';
import type { Condition } from '../metadata-filter.ts';
import kernel from '../scan.wasm';
import { createScanMatrix, type ScanMatrix } from '../scan-matrix.ts';
import { toSql } from './sqlite-filter.ts';

/** An item as it travels and is stored. */
export interface ShardItem {
  readonly id: string;
  /** The vector as int8; value ≈ scale × q. */
  readonly values: Int8Array;
  readonly scale: number;
  /** JSON. */
  readonly metadata: string;
}

export interface ShardHit {
  readonly id: string;
  readonly score: number;
  readonly metadata: string;
}

/**
 * Slots number the items from 0 without gaps, in SQLite and in memory alike. The vectors stand in a table
 * of their own, so that a filter reads no vector and loading reads nothing else.
 */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS items (
    slot INTEGER PRIMARY KEY, id TEXT NOT NULL UNIQUE, metadata TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS vectors (slot INTEGER PRIMARY KEY, scale REAL NOT NULL, "values" BLOB NOT NULL);
`;

/** Called by RPC. What a method wrote is on disk before its caller sees the answer (output gates). */
export class VectorShard extends DurableObject {
  /** Loaded by the first call that needs it, again after a failed write. */
  #matrix: ScanMatrix | undefined;
  #hasSchema = false;

  put(items: readonly ShardItem[]): void {
    const first = items[0];
    if (first === undefined) return;
    const matrix = this.#load() ?? createScanMatrix(kernel, first.values.length);
    this.#matrix = matrix;
    this.#write(() => {
      for (const { id, values, scale, metadata } of items) {
        const slot = this.#slotOf(id) ?? matrix.rows;
        this.#sql('INSERT OR REPLACE INTO items (slot, id, metadata) VALUES (?, ?, ?)', slot, id, metadata);
        this.#sql(
          'INSERT OR REPLACE INTO vectors (slot, scale, "values") VALUES (?, ?, ?)',
          slot,
          scale,
          values.slice().buffer,
        );
        matrix.set(slot, { values, scale });
      }
    });
  }

  get(ids: readonly string[]): ShardItem[] {
    return this.#sql<{ id: string; metadata: string; scale: number; values: ArrayBuffer }>(
      `SELECT id, metadata, scale, "values" FROM items JOIN vectors USING (slot)
       WHERE id IN (SELECT value FROM json_each(?))`,
      JSON.stringify(ids),
    )
      .toArray()
      .map(({ id, metadata, scale, values }) => ({ id, metadata, scale, values: new Int8Array(values) }));
  }

  delete(ids: readonly string[]): void {
    const matrix = this.#load();
    if (matrix === undefined) return;
    this.#write(() => {
      for (const id of ids) {
        const slot = this.#slotOf(id);
        if (slot === undefined) continue;
        const last = matrix.rows - 1;
        for (const table of ['items', 'vectors']) {
          this.#sql(`DELETE FROM ${table} WHERE slot = ?`, slot);
          if (slot !== last) this.#sql(`UPDATE ${table} SET slot = ? WHERE slot = ?`, slot, last);
        }
        matrix.removeBySwap(slot);
      }
    });
  }

  nearest(vector: Float32Array, count: number, conditions: readonly Condition[]): ShardHit[] {
    const matrix = this.#load();
    if (matrix === undefined) return [];
    const allowed = conditions.length === 0 ? undefined : this.#allowed(conditions, matrix.rows);
    const { rows, scores } = matrix.nearest(vector, count, allowed);
    const found = new Map(
      this.#sql<{ slot: number; id: string; metadata: string }>(
        'SELECT slot, id, metadata FROM items WHERE slot IN (SELECT value FROM json_each(?))',
        JSON.stringify([...rows]),
      )
        .toArray()
        .map(({ slot, ...item }) => [slot, item]),
    );
    return [...rows].flatMap((row, place) => {
      const item = found.get(row);
      return item === undefined ? [] : [{ ...item, score: scores[place] ?? 0 }];
    });
  }

  count(): number {
    return this.#sql<{ count: number }>('SELECT count(*) AS count FROM items').one().count;
  }

  /** Removes everything; the object then costs nothing. */
  async clear(): Promise<void> {
    this.#matrix = undefined;
    this.#hasSchema = false;
    await this.ctx.storage.deleteAll();
  }

  /** Undefined while the shard has never held an item. */
  #load(): ScanMatrix | undefined {
    if (this.#matrix !== undefined) return this.#matrix;
    // Kept only when whole: after a failure half-way new items would get the slots of old ones.
    let matrix: ScanMatrix | undefined;
    for (const row of this.#sql<{ slot: number; scale: number; values: ArrayBuffer }>(
      'SELECT slot, scale, "values" FROM vectors ORDER BY slot',
    )) {
      const values = new Int8Array(row.values);
      matrix ??= createScanMatrix(kernel, values.length);
      matrix.set(row.slot, { values, scale: row.scale });
    }
    this.#matrix = matrix;
    return matrix;
  }

  /** One transaction; memory is forgotten where it fails, because it may be ahead of the tables. */
  #write(work: () => void): void {
    try {
      this.ctx.storage.transactionSync(work);
    } catch (error) {
      this.#matrix = undefined;
      throw error;
    }
  }

  #allowed(conditions: readonly Condition[], rows: number): Uint8Array {
    const { sql, parameters } = toSql(conditions, 'metadata');
    const allowed = new Uint8Array(rows);
    // Arrays, not objects: half the rows of a large shard may match.
    const slots = this.#sql<{ slot: number }>(`SELECT slot FROM items WHERE ${sql}`, ...parameters).raw();
    for (const [slot] of slots) allowed[Number(slot)] = 1;
    return allowed;
  }

  #slotOf(id: string): number | undefined {
    return this.#sql<{ slot: number }>('SELECT slot FROM items WHERE id = ?', id).toArray()[0]?.slot;
  }

  #sql<Row extends Record<string, SqlStorageValue>>(
    query: string,
    ...parameters: SqlStorageValue[]
  ): SqlStorageCursor<Row> {
    const { sql } = this.ctx.storage;
    if (!this.#hasSchema) sql.exec(SCHEMA);
    this.#hasSchema = true;
    return sql.exec<Row>(query, ...parameters);
  }
}

/** Of a vector of Euclidean length 1. */
export function toShardItem(id: string, vector: Float32Array, metadata: string): ShardItem {
  return { id, metadata, ...toInt8(vector) };
}
