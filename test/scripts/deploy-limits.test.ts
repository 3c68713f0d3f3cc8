// npm run deploy:check must fail: beyond each limit of the platform, and for each slip in wrangler.toml.

import { randomBytes } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterAll, beforeEach, describe, expect, test } from 'vitest';
import { unstable_readConfig } from 'wrangler';
import {
  type Check,
  type Configuration,
  checkAssets,
  checkBundle,
  checkStartUp,
  checkVariables,
  describeChecks,
  findContradictions,
  LIMITS,
} from '../../scripts/deploy-limits.ts';
import { stageAssets } from '../../scripts/stage-assets.ts';

const MIB = 1024 * 1024;
const root = mkdtempSync(join(tmpdir(), 'vgg-edge-deploy-'));
let folder = '';
beforeEach(() => {
  folder = mkdtempSync(join(root, 'tree-'));
});
afterAll(() => rmSync(root, { recursive: true, force: true }));

/** A file of that many bytes, which takes no room on most disks. */
function place(path: string, bytes: number): void {
  const file = join(folder, path);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, '');
  truncateSync(file, bytes);
}

const over = (checks: readonly Check[]) =>
  checks.filter(({ found, limit }) => found > limit).map(({ name }) => name);

describe('assets', () => {
  test('within the limits', () => {
    place('models/a/weights-00001-of-00001.bin', 20 * MIB);
    place('web/main.js', 25 * MIB);
    expect(over(checkAssets(folder))).toEqual([]);
  });

  test('every file that is too large is named, not the largest alone', () => {
    place('models/a/weights-00001-of-00002.bin', 20 * MIB + 1);
    place('models/a/weights-00002-of-00002.bin', 21 * MIB);
    place('web/film.jpg', 25 * MIB + 1);
    place('web/main.js', 24 * MIB);
    expect(over(checkAssets(folder)).toSorted()).toEqual([
      'asset models/a/weights-00001-of-00002.bin',
      'asset models/a/weights-00002-of-00002.bin',
      'asset web/film.jpg',
    ]);
  });

  test('too many', () => {
    for (let file = 0; file <= LIMITS.assets; file += 1) writeFileSync(join(folder, `${file}`), '');
    expect(over(checkAssets(folder))).toEqual(['assets']);
  });

  test('none at all', () => expect(() => checkAssets(folder)).toThrow('Expected assets'));
});

describe('the bundle', () => {
  test.each([
    ['small', 1000, 1000, []],
    ['large compressed: noise', 10 * MIB, 1000, ['bundle, compressed']],
    ['large as it is: zeros', 1000, 64 * MIB, ['bundle']],
  ])('%s', (_, noise, zeros, expected) => {
    writeFileSync(join(folder, 'index.js'), randomBytes(noise));
    place('kernel.wasm', zeros);
    expect(over(checkBundle(folder))).toEqual(expected);
  });

  test('none at all', () => expect(() => checkBundle(folder)).toThrow('Expected a bundle'));
});

test.each([
  [900, []],
  [1100, ['start-up']],
])('%i ms at work before the first request', (milliseconds, expected) => {
  const node = (id: number, functionName: string) => ({ id, callFrame: { functionName } });
  const profile = {
    nodes: [node(1, '(root)'), node(2, '(idle)'), node(3, 'init')],
    samples: [2, 3],
    timeDeltas: [5_000_000, milliseconds * 1000],
  };
  expect(over([checkStartUp(profile)])).toEqual(expected);
});

describe('the configuration', () => {
  const config: Configuration = unstable_readConfig({ config: 'wrangler.toml' });
  const surroundings = {
    assets: stageAssets(),
    classes: ['IndexCatalog', 'VectorShard', 'default'],
    newest: '2099-01-01',
  };
  const problems = (change: Partial<Configuration>, around: Partial<typeof surroundings> = {}) =>
    findContradictions({ ...config, ...change }, { ...surroundings, ...around });
  const variables = (change: Record<string, unknown>) => ({ vars: { ...config.vars, ...change } });

  test('of the repository is sound', () => {
    expect(problems({})).toEqual([]);
    expect(over(checkVariables(config))).toEqual([]);
  });

  test.each<[string, Partial<Configuration>, Partial<typeof surroundings>, RegExp]>([
    ['a limit that is no number', variables({ MAX_IMAGES: 'many' }), {}, /MAX_IMAGES/],
    ['a host that is none', variables({ ALLOWED_IMAGE_HOSTS: 'https://a.org' }), {}, /ALLOWED_IMAGE_HOSTS/],
    ['an origin with a path', variables({ CORS_ORIGINS: 'https://a.org/' }), {}, /CORS_ORIGINS/],
    ['two periods of one limit', variables({ RATE_PERIOD_SECONDS: 10 }), {}, /RATE_PERIOD_SECONDS/],
    ['a model that is not there', variables({ MODEL: 'mine' }), {}, /models\/mine\/model\.json/],
    ['a date of the future', { compatibility_date: '2099-06-01' }, {}, /compatibility_date/],
    ['no date', { compatibility_date: undefined }, {}, /compatibility_date/],
    ['a class that is not exported', {}, { classes: ['IndexCatalog'] }, /export VectorShard/],
    ['a class without a migration', { migrations: [] }, {}, /migration .* IndexCatalog/],
  ])('%s', (_, change, around, message) => {
    const found = problems(change, around);
    expect(found.length).toBeGreaterThan(0);
    expect(found.join('\n')).toMatch(message);
  });

  test('a model in a bucket need not be among the assets', () => {
    expect(problems({ ...variables({ MODEL: 'mine' }), r2_buckets: [{ binding: 'MODELS' }] })).toEqual([]);
  });

  test('a variable that is too long, and too many', () => {
    expect(over(checkVariables({ ...config, vars: { CORS_ORIGINS: 'a'.repeat(5121) } }))).toEqual([
      'variable CORS_ORIGINS',
    ]);
    const vars = Object.fromEntries(Array.from({ length: 129 }, (_, index) => [`A${index}`, '']));
    expect(over(checkVariables({ ...config, vars }))).toEqual(['variables']);
  });
});

test('a line shows what was found and the limit', () => {
  const check: Check = { name: 'bundle', found: 65 * MIB, limit: 64 * MIB, unit: 'MiB' };
  expect(describeChecks([check])).toMatch(/^✗ bundle +65\.00 of 64\.00 MiB$/);
});
