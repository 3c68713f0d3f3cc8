// What somebody probably meant who mistyped a name.

/**
 * A sentence to end a complaint with, the space before it included: the closest of `names`, at most a third of its
 * letters away (at least one). Empty where none is.
 */
export function didYouMean(typed: string, names: readonly string[], prefix: '' | '--' = ''): string {
  const [nearest] = names
    .map((name) => ({ name, edits: edits(typed, name) }))
    .filter(({ name, edits }) => edits <= Math.ceil(name.length / 3))
    .toSorted((a, b) => a.edits - b.edits);
  return nearest === undefined ? '' : ` Did you mean ${prefix}${nearest.name}?`;
}

/** Letters to put in, leave out or replace (Levenshtein). */
function edits(from: string, to: string): number {
  let row = Array.from({ length: to.length + 1 }, (_, index) => index);
  for (const [place, letter] of [...from].entries()) {
    const next = [place + 1];
    for (const [index, other] of [...to].entries()) {
      const replaced = (row[index] ?? 0) + (letter === other ? 0 : 1);
      next.push(Math.min(replaced, (row[index + 1] ?? 0) + 1, (next[index] ?? 0) + 1));
    }
    row = next;
  }
  return row.at(-1) ?? 0;
}
