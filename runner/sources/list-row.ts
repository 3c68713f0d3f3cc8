// What the readers of lists give: rows of named fields, or what is wrong with a row.

export type ListRow = {
  /** From 1, without a header. */
  readonly row: number;
} & ({ readonly fields: Readonly<Record<string, unknown>> } | { readonly problem: string });

/** Every row in order. Rejects where the list as a whole cannot be read. */
export type RowReader = (path: string) => AsyncIterable<ListRow>;
