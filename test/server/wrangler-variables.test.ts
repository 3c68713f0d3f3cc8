// wrangler.toml tells every variable, with the code's default and a word about why.

import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { unstable_readConfig } from 'wrangler';
import { readLimits } from '../../worker/limits.ts';
import { readSettings } from '../../worker/settings.ts';

const FILE = 'wrangler.toml';
const { vars } = unstable_readConfig({ config: FILE });
const noFetch = () => Promise.reject(new Error('not asked'));
const settings = (variables: object) => {
  const { keys: _, ...rest } = readSettings(variables, () => undefined, readLimits(variables), noFetch);
  return rest;
};

test('its limits are the defaults', () => {
  expect(readLimits(vars)).toEqual(readLimits({}));
});

test('its settings are the defaults, but for the model, which it publishes', () => {
  expect(settings(vars)).toEqual({ ...settings({}), publishModel: true });
});

test.each(Object.keys(vars))('%s is known to the code', (name) => {
  const isRead = ['limits.ts', 'settings.ts', 'handler.ts', 'index-store.ts'].some((file) =>
    readFileSync(`worker/${file}`, 'utf8').includes(name),
  );
  expect(isRead).toBe(true);
});

test.each(
  [...readFileSync('worker/limits.ts', 'utf8').matchAll(/^ {2}([A-Z_]+): wholeNumber/gm)].map(
    ([, name]) => name,
  ),
)('the limit %s stands there, below a comment', (name) => {
  const lines = readFileSync(FILE, 'utf8').split('\n');
  let line = lines.findIndex((text) => text.startsWith(`${name} = `));
  expect(line).toBeGreaterThan(0);
  // Several that belong together share one.
  while (/^[A-Z_]+ = /.test(lines[line] ?? '')) line -= 1;
  expect(lines[line]).toMatch(/^# /);
});

test('every variable stands in its table: TOML gives what follows another table to that one', () => {
  const written = [...readFileSync(FILE, 'utf8').matchAll(/^([A-Z_]+) = /gm)].map(([, name]) => name);
  expect(written.toSorted()).toEqual(Object.keys(vars).toSorted());
});
