// The Durable Object that knows which indexes there are: one per deployment.

import { DurableObject } from 'cloudflare:workers';

import type { IndexAlias } from '../../core/vector-store.ts';

export interface CatalogEntry {
  readonly name: string;
  /** The VectorSpace as JSON. */
  readonly space: string;
  readonly shards: number;
  /** Part of the shards' names, so that an index created anew never meets what a late write left behind. */
  readonly token: string;
}

/** Retired: no longer there for anybody, but their objects may still hold items. */
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS indexes (
    name TEXT PRIMARY KEY, space TEXT NOT NULL, shards INTEGER NOT NULL, token TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS aliases (alias TEXT PRIMARY KEY, target TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS retired (
    name TEXT NOT NULL, space TEXT NOT NULL, shards INTEGER NOT NULL, token TEXT PRIMARY KEY);
`;

/** Each method is one transaction: objects do one thing at a time, and nothing here waits. */
export class IndexCatalog extends DurableObject {
  /** The entry that stands: the given one, or the one that was there under this name or alias. */
  add(entry: CatalogEntry): CatalogEntry {
    const found = this.find(entry.name);
    if (found !== null) return found;
    const { name, space, shards, token } = entry;
    this.#sql(
      'INSERT INTO indexes (name, space, shards, token) VALUES (?, ?, ?, ?)',
      name,
      space,
      shards,
      token,
    );
    return entry;
  }

  /** By name or alias. */
  find(name: string): CatalogEntry | null {
    const [found] = this.#sql<CatalogRow>(
      'SELECT * FROM indexes WHERE name = coalesce((SELECT target FROM aliases WHERE alias = ?1), ?1)',
      name,
    );
    return found ?? null;
  }

  list(): CatalogEntry[] {
    return this.#sql<CatalogRow>('SELECT * FROM indexes ORDER BY name');
  }

  aliases(): IndexAlias[] {
    return this.#sql<AliasRow>('SELECT alias, target AS "index" FROM aliases ORDER BY alias');
  }

  /** False, and nothing changed, where an index has the alias's name, or none the target's. */
  setAlias(alias: string, target: string): boolean {
    if (this.#isIndex(alias) || !this.#isIndex(target)) return false;
    this.#sql('INSERT OR REPLACE INTO aliases (alias, target) VALUES (?, ?)', alias, target);
    return true;
  }

  /** Whether it was there. */
  deleteAlias(alias: string): boolean {
    return this.#sql('DELETE FROM aliases WHERE alias = ? RETURNING alias', alias).length > 0;
  }

  /**
   * Takes an index that no alias names out of the list. All that are to be emptied, those of deletions that
   * were interrupted too; null, and nothing changed, where there is none of this name, or an alias names it.
   */
  retire(name: string): CatalogEntry[] | null {
    if (!this.#isIndex(name) || this.aliases().some(({ index }) => index === name)) return null;
    this.#sql('INSERT INTO retired SELECT name, space, shards, token FROM indexes WHERE name = ?', name);
    this.#sql('DELETE FROM indexes WHERE name = ?', name);
    return this.#sql<CatalogRow>('SELECT * FROM retired');
  }

  /** A retired index has been emptied. */
  forget(token: string): void {
    this.#sql('DELETE FROM retired WHERE token = ?', token);
  }

  #isIndex(name: string): boolean {
    return this.#sql('SELECT 1 FROM indexes WHERE name = ?', name).length > 0;
  }

  #sql<Row extends Record<string, SqlStorageValue>>(query: string, ...parameters: SqlStorageValue[]): Row[] {
    this.ctx.storage.sql.exec(SCHEMA);
    return this.ctx.storage.sql.exec<Row>(query, ...parameters).toArray();
  }
}

type CatalogRow = { name: string; space: string; shards: number; token: string };
type AliasRow = { alias: string; index: string };
