// The photographs of samples/ with what its README says of each: the page shows it beside them.

import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Sample } from '../web/sample.ts';

const SAMPLES = join(import.meta.dirname, '../samples');

/** | `file` | what | by, terms | and, where there is one, a link to the original | */
const ROW =
  /^\| `(?<file>[a-z0-9-]+\.jpg)` +\| (?<what>.+?) +\| (?<credit>.+?) +\|(?: \[.*\]\((?<source>https:.*)\) +\|)?$/gm;

/** In the README's order. Throws where a photograph has no row: none is shown without its author. */
export function listSamples(): Sample[] {
  const readme = readFileSync(join(SAMPLES, 'README.md'), 'utf8');
  const samples = [...readme.matchAll(ROW)].map(({ groups = {} }): Sample => {
    const { file = '', what = '', credit = '', source } = groups;
    return { file, what, credit, ...(source === undefined ? {} : { source }) };
  });
  const listed = samples.map(({ file }) => file).toSorted();
  const found = readdirSync(SAMPLES).filter((name) => name.endsWith('.jpg'));
  if (listed.join() === found.toSorted().join()) return samples;
  const strays = [...found, ...listed].filter((file) => !found.includes(file) || !listed.includes(file));
  throw new Error(
    `Expected one row in samples/README.md for each photograph but found ${strays.join(', ')} in one place alone.`,
  );
}
