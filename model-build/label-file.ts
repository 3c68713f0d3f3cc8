// The text file of the classes' names → labels of the manifest. Two forms: one label a line, or a table
// whose header is `wnid trained name`, which also says what each class was trained with.

import { InputError } from '../core/errors.ts';
import type { ManifestClass } from '../core/manifest.ts';

export interface Labels {
  /** In order of the scores. */
  readonly labels: string[];
  /** One per label, where the file tells. */
  readonly classes?: ManifestClass[];
}

/** The columns of training/imagenet-classes.tsv, separated by tabs. */
const HEADER = 'wnid\ttrained\tname';
const MAX_LABEL_LENGTH = 200;

/** `file` names the file in errors. Throws InputError naming the line. */
export function parseLabelFile(text: string, file: string): Labels {
  const lines = text.replace(/^\uFEFF/, '').split(/\r?\n/);
  while (lines.at(-1)?.trim() === '') lines.pop();
  const table = lines[0] === HEADER;
  const rows = table ? lines.slice(1) : lines;
  if (rows.length === 0) throw invalid(`at least one label in ${file}`, 'none');
  const at = (row: number) => `${file}, line ${row + (table ? 2 : 1)}`;
  if (!table) return { labels: rows.map((row, index) => checkLabel(row, at(index))) };
  const entries = rows.map((row, index) => parseRow(row, at(index)));
  return { labels: entries.map(({ label }) => label), classes: entries.map(({ entry }) => entry) };
}

function parseRow(row: string, where: string): { label: string; entry: ManifestClass } {
  const [id = '', trainedWith, name = '', ...rest] = row.split('\t');
  if (id === '' || (trainedWith !== 'labels' && trainedWith !== 'teacher') || rest.length > 0) {
    throw invalid(`an id, 'labels' or 'teacher', and a name between tabs at ${where}`, JSON.stringify(row));
  }
  return { label: checkLabel(name, where), entry: { id, trainedWith } };
}

function checkLabel(text: string, where: string): string {
  const label = text.trim();
  if (label === '' || label.length > MAX_LABEL_LENGTH) {
    throw invalid(
      `a label of 1 to ${MAX_LABEL_LENGTH} characters at ${where}`,
      label === '' ? 'none' : `${label.length}`,
    );
  }
  return label;
}

function invalid(expected: string, found: string): InputError {
  return new InputError('invalid_file', `Expected ${expected} but found ${found}.`, { param: '--labels' });
}
