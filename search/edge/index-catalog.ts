// The Durable Object that knows which indexes there are: one per deployment.

import { DurableObject } from 'cloudflare:workers';

export interface CatalogEntry {
  readonly name: string;
  /** The VectorSpace as JSON. */
  readonly space: string;
  readonly shards: number;
  /** Part of the shards' names, so that an index created anew never meets what a late write left behind. */
  readonly token: string;
}

const SCHEMA = `CREATE TABLE IF NOT EXISTS indexes (
  name TEXT PRIMARY KEY, space TEXT NOT NULL, shards INTEGER NOT NULL, token TEXT NOT NULL)`;

export class IndexCatalog extends DurableObject {
  /** The entry that stands: the given one, or the one that was there. */
  add({ name, space, shards, token }: CatalogEntry): CatalogEntry {
    this.#sql('INSERT OR IGNORE INTO indexes VALUES (?, ?, ?, ?)', name, space, shards, token);
    return this.find(name) ?? { name, space, shards, token };
  }

  find(name: string): CatalogEntry | null {
    return this.#sql('SELECT * FROM indexes WHERE name = ?', name)[0] ?? null;
  }

  list(): CatalogEntry[] {
    return this.#sql('SELECT * FROM indexes ORDER BY name');
  }

  remove(name: string): void {
    this.#sql('DELETE FROM indexes WHERE name = ?', name);
  }

  #sql(query: string, ...parameters: SqlStorageValue[]): CatalogEntry[] {
    this.ctx.storage.sql.exec(SCHEMA);
    return this.ctx.storage.sql
      .exec<{ name: string; space: string; shards: number; token: string }>(query, ...parameters)
      .toArray();
  }
}
