// Lists in CSV (RFC 4180) or tab-separated, with a header. Values that are plainly numbers become numbers.

import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream';
import { parse } from 'csv-parse';
import type { ListRow } from './list-row.ts';
import { createDistinctNames } from './row-metadata.ts';

/** Characters: a quote that is never closed would swallow the file. */
const MAX_RECORD = 1 << 20;
/** What a number's own text looks like: `007` and numbers beyond exact integers stay text. */
const NUMBER = /^-?(?:0|[1-9]\d{0,14})(?:\.\d{1,15})?$/;

/** The columns `asText` stay as they are written. */
export async function* readCsvRows(path: string, asText: readonly string[]): AsyncGenerator<ListRow> {
  const parser = parse({
    bom: true,
    delimiter: /\.tsv$/i.test(path) ? '\t' : ',',
    relax_column_count: true,
    relax_quotes: true,
    record_delimiter: ['\r\n', '\n'],
    skip_empty_lines: true,
    max_record_size: MAX_RECORD,
  });
  // Errors of the file reach the reader through the parser.
  pipeline(createReadStream(path), parser, () => undefined);
  let header: readonly string[] | undefined;
  let row = 0;
  for await (const record of parser) {
    const values: readonly string[] = record;
    if (header === undefined) {
      const distinct = createDistinctNames();
      header = values.map((name) => distinct(name.trim()));
      continue;
    }
    row += 1;
    if (values.length !== header.length) {
      yield { row, problem: `expected ${header.length} values as in the header but found ${values.length}` };
      continue;
    }
    yield {
      row,
      fields: Object.fromEntries(
        header.map((name, place) => [name, toValue(values[place] ?? '', asText.includes(name))]),
      ),
    };
  }
}

/** Undefined for an empty cell. */
function toValue(text: string, asText: boolean): string | number | undefined {
  if (text === '') return undefined;
  return NUMBER.test(text) && !asText ? Number(text) : text;
}
