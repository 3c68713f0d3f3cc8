// Lists of one row a line: plain text (a path or URL each) and JSON Lines (an object each, or a path).

import type { ListRow } from './list-row.ts';
import { textLines } from './text-lines.ts';

/** The one field of a row that has no names. */
export const PATH_FIELD = 'path';

export async function* readTextRows(path: string): AsyncGenerator<ListRow> {
  yield* readLines(path, (text) => ({ fields: { [PATH_FIELD]: text } }));
}

export async function* readJsonRows(path: string): AsyncGenerator<ListRow> {
  yield* readLines(path, (text) => {
    const value = parseJson(text);
    if (typeof value === 'string') return { fields: { [PATH_FIELD]: value } };
    if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { fields: { ...value } };
    return { problem: `expected a JSON object or text but found ${text.slice(0, 60)}` };
  });
}

type Row = { readonly fields: Readonly<Record<string, unknown>> } | { readonly problem: string };

/** Empty lines are no rows. */
async function* readLines(path: string, toRow: (text: string) => Row): AsyncGenerator<ListRow> {
  let row = 0;
  for await (const text of textLines(path)) {
    if (text?.trim() === '') continue;
    row += 1;
    yield { row, ...(text === undefined ? { problem: 'expected a shorter line' } : toRow(text)) };
  }
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
