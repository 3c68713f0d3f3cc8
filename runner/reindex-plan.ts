// Which index becomes which: the one that the alias names, or that is given for an alias yet to be made, and a
// name for the new one.

import { InputError } from '../core/errors.ts';
import type { VectorStore } from '../core/vector-store.ts';
import type { ReindexState } from './reindex-state.ts';

export interface PlanOptions {
  /** The old index, for an alias that there is not yet. */
  readonly before?: string | undefined;
  /** The new index; a name that is free by default. */
  readonly after?: string | undefined;
  /** Of a reindexing that has begun: its names count. */
  readonly state?: ReindexState | undefined;
}

export interface IndexNames {
  readonly before: string;
  readonly after: string;
}

/**
 * Throws InputError where nothing tells which index is meant, or the new one is the old one or an alias.
 */
export async function planIndexes(
  store: VectorStore,
  alias: string,
  { before: given, after, state }: PlanOptions,
): Promise<IndexNames> {
  if (state !== undefined && state.alias === alias) return { before: state.before, after: state.after };
  const aliases = new Map((await store.aliases()).map((one) => [one.alias, one.index]));
  const indexes = new Set(await store.names());
  const named = aliases.get(alias);
  if (named === undefined && indexes.has(alias)) {
    throw new InputError(
      'invalid_argument',
      `Expected an alias but '${alias}' is an index, and an alias cannot have its name. Choose an alias that ` +
        `searches will ask by, and give the index with --before ${alias}.`,
      { param: 'alias' },
    );
  }
  const before = named ?? (given === undefined ? undefined : (aliases.get(given) ?? given));
  if (before === undefined) {
    throw new InputError(
      'not_found',
      `Expected an alias '${alias}' but there is none. Give the index that it is to replace with --before.`,
      { param: 'alias' },
    );
  }
  if (named !== undefined && given !== undefined && given !== named) {
    throw new InputError(
      'invalid_argument',
      `Expected '${given}' behind the alias '${alias}' but found '${named}'. Leave --before out.`,
      { param: 'before' },
    );
  }
  if (after !== undefined && (after === before || after === alias || aliases.has(after))) {
    throw new InputError(
      'invalid_argument',
      `Expected another index than '${before}', and no alias, for --after but found '${after}'.`,
      { param: 'after' },
    );
  }
  return { before, after: after ?? nextName(alias, before, new Set([...indexes, ...aliases.keys()])) };
}

/** `photos-4` after `photos-3`; the first that neither an index nor an alias has. */
function nextName(alias: string, before: string, names: ReadonlySet<string>): string {
  const number = before.startsWith(`${alias}-`) ? Number(before.slice(alias.length + 1)) : Number.NaN;
  let next = Number.isInteger(number) ? number + 1 : 1;
  while (names.has(`${alias}-${next}`)) next += 1;
  return `${alias}-${next}`;
}
