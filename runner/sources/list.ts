// Images that a list names: a column of paths, relative to the list, or URLs; the other columns go along.

import { basename, dirname, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { InputError, SourceError } from '../../core/errors.ts';
import type { Source, SourceItem } from '../ports.ts';
import { brokenItem, refuseBroken } from './broken-item.ts';
import { readCsvRows } from './csv-rows.ts';
import { fileError, readImageFile } from './image-file.ts';
import { PATH_FIELD, readJsonRows, readTextRows } from './line-rows.ts';
import type { ListRow, RowReader } from './list-row.ts';
import { readParquetRows } from './parquet-rows.ts';
import { createRemoteReader, type ReadRemote } from './remote-image.ts';
import { toMetadata } from './row-metadata.ts';
import { createUniqueIds, type UniqueIds } from './unique-ids.ts';

const TABLE = /\.(csv|tsv|parquet)$/i;
const READERS: readonly (readonly [ending: RegExp, read: RowReader])[] = [
  [/\.txt$/i, readTextRows],
  [/\.(jsonl|ndjson)$/i, readJsonRows],
  [/\.(csv|tsv)$/i, readCsvRows],
  [/\.parquet$/i, readParquetRows],
];

/** Where no column is named: the first of these that the list has, whatever its case. */
const USUAL_COLUMNS: readonly string[] = [
  ...[PATH_FIELD, 'file', 'filename', 'file_name', 'filepath', 'file_path', 'image_path', 'image', 'img'],
  ...['url', 'image_url', 'img_url', 'uri', 'src'],
];

export interface ListOptions {
  /** The column of paths or URLs. */
  readonly column?: string;
  /** The column of ids; by default the paths and URLs as they are written. */
  readonly idColumn?: string;
  /** The columns that become metadata; by default all others. */
  readonly metadataColumns?: readonly string[];
  readonly readRemote?: ReadRemote;
}

export function isList(spec: string): boolean {
  return READERS.some(([ending]) => ending.test(spec));
}

/** A row that names nothing, or has an ending that is no list's, is an error of its own when it is read. */
export async function openList(path: string, options: ListOptions = {}): Promise<Source> {
  const read = READERS.find(([ending]) => ending.test(path))?.[1];
  if (read === undefined) {
    throw new InputError(
      'invalid_argument',
      `Expected .txt, .jsonl, .csv, .tsv or .parquet but found ${path}.`,
    );
  }
  const readRemote = options.readRemote ?? createRemoteReader();
  return {
    name: path,
    list: () => listRows(path, read, options),
    async read(item, maxBytes) {
      refuseBroken(item);
      const { location } = item;
      return isUrl(location) ? readRemote(location, maxBytes) : readImageFile(location, maxBytes);
    },
    async close() {},
  };
}

async function* listRows(path: string, read: RowReader, options: ListOptions): AsyncGenerator<SourceItem> {
  const folder = dirname(resolve(path));
  const ids = createUniqueIds();
  let column: string | undefined;
  // `1.10` and `1.1` are two ids.
  const asText = [options.column, options.idColumn].filter((name) => name !== undefined);
  try {
    for await (const row of read(path, asText)) {
      if ('fields' in row) column ??= findColumn(path, Object.keys(row.fields), options);
      yield toItem(row, { path, folder, ids, column: column ?? '', options });
    }
  } catch (cause) {
    throw listError(path, cause);
  }
}

interface RowContext {
  readonly path: string;
  readonly folder: string;
  readonly ids: UniqueIds;
  readonly column: string;
  readonly options: ListOptions;
}

function toItem(row: ListRow, { path, folder, ids, column, options }: RowContext): SourceItem {
  const broken = (problem: string) =>
    brokenItem(ids.take(`${basename(path)}#${row.row}`, row.row), `Row ${row.row} of ${path}: ${problem}.`);
  if ('problem' in row) return broken(row.problem);
  const { [column]: named, ...others } = row.fields;
  if (typeof named !== 'string' || named.trim() === '' || named.includes('\0')) {
    return broken(`expected a path or URL in column '${column}' but found ${show(named)}`);
  }
  const id = options.idColumn === undefined ? named : row.fields[options.idColumn];
  if ((typeof id !== 'string' && typeof id !== 'number' && typeof id !== 'bigint') || id === '') {
    return broken(`expected an id in column '${options.idColumn}' but found ${show(id)}`);
  }
  try {
    const names = options.metadataColumns ?? Object.keys(others).filter((name) => name !== options.idColumn);
    const metadata = toMetadata(Object.fromEntries(names.map((name) => [name, row.fields[name]])));
    if (/^[a-z][a-z0-9+.-]+:\/\//i.test(named) && !/^(https?|s3|file):/i.test(named)) {
      return broken(`expected a path, or a URL of http:, https:, s3: or file:, but found ${show(named)}`);
    }
    return { id: ids.take(String(id), row.row), location: locate(named, folder), metadata };
  } catch (error) {
    return broken(error instanceof Error ? error.message : String(error));
  }
}

/** Throws InputError where there is no such column, or none with a usual name. */
function findColumn(
  path: string,
  names: readonly string[],
  { column, idColumn, metadataColumns = [] }: ListOptions,
): string {
  // Rows of JSON may each have other fields; the columns of a table are all in its first row.
  const optional = TABLE.test(path) ? metadataColumns : [];
  const missing = [column, idColumn, ...optional].find((name) => name !== undefined && !names.includes(name));
  if (missing !== undefined) {
    throw new InputError(
      'invalid_argument',
      `Expected a column '${missing}' in ${path} but found ${names.join(', ')}.`,
    );
  }
  const found =
    column ?? USUAL_COLUMNS.map((usual) => names.find((name) => name.toLowerCase() === usual)).find(Boolean);
  if (found !== undefined) return found;
  const [only = ''] = names;
  const hint =
    names.length === 1 && only.includes(';')
      ? 'Columns are separated by commas in .csv and by tabs in .tsv, not by semicolons.'
      : 'Name it with --column.';
  throw new InputError(
    'invalid_argument',
    `Expected a column of paths or URLs in ${path} (${USUAL_COLUMNS.join(', ')}) but found ` +
      `${names.join(', ')}. ${hint}`,
  );
}

function locate(named: string, folder: string): string {
  if (isUrl(named)) return named;
  return /^file:/i.test(named) ? fileURLToPath(named) : resolve(folder, named);
}

function isUrl(location: string): boolean {
  return /^(https?|s3):\/\//i.test(location);
}

function show(value: unknown): string {
  return value === undefined || value === null ? 'none' : String(JSON.stringify(String(value).slice(0, 60)));
}

/** Errors of the disk are told apart from those of the format. */
function listError(path: string, cause: unknown): unknown {
  if (cause instanceof InputError || cause instanceof SourceError) return cause;
  const reason = cause instanceof Error ? cause.message : String(cause);
  if (cause instanceof Error && 'syscall' in cause) return fileError(path, cause);
  return new InputError('invalid_file', `The list ${path} cannot be read: ${reason}`, { cause });
}
