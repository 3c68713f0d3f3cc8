// What the readers of lists give: rows of named fields, or what is wrong with a row.

export type ListRow = {
  /** From 1, without a header. */
  readonly row: number;
} & ({ readonly fields: Readonly<Record<string, unknown>> } | { readonly problem: string });

/**
 * Every row in order. Where a list has no types, values that look like numbers become numbers, but not those of
 * the columns `asText`. Rejects where the list as a whole cannot be read.
 */
export type RowReader = (path: string, asText: readonly string[]) => AsyncIterable<ListRow>;
