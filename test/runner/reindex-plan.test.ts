// Which index becomes which when a new one is built beside the old.

import { describe, expect, test } from 'vitest';
import { planIndexes } from '../../runner/reindex-plan.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { SPACE } from './output-contract.ts';

describe('which index becomes which', () => {
  async function plan(indexes: string[], alias: string, target?: string, before?: string) {
    const store = createMemoryStore();
    for (const name of indexes) await store.create(name, SPACE);
    if (target !== undefined) await store.setAlias(alias, target);
    return planIndexes(store, alias, { before });
  }

  test.each<
    [indexes: string[], alias: string, target: string | undefined, before: string | undefined, after: string]
  >([
    [['photos-1'], 'photos', 'photos-1', undefined, 'photos-2'],
    [['photos-1', 'photos-2'], 'photos', 'photos-1', undefined, 'photos-3'],
    [['photos-7'], 'photos', 'photos-7', 'photos-7', 'photos-8'],
    [['photos'], 'live', undefined, 'photos', 'live-1'],
    [['holiday'], 'photos', 'holiday', undefined, 'photos-1'],
  ])('%j, alias %s of %s, --before %s: %s', async (indexes, alias, target, before, after) => {
    expect(await plan(indexes, alias, target, before)).toEqual({ before: target ?? before, after });
  });

  test('a new index that others have filled', async () => {
    const store = createMemoryStore();
    for (const name of ['photos-1', 'filled']) await store.create(name, SPACE);
    await store.setAlias('photos', 'photos-1');
    expect(await planIndexes(store, 'photos', { after: 'filled' })).toEqual({
      before: 'photos-1',
      after: 'filled',
    });
    await store.setAlias('live', 'photos-1');
    await store.setAlias('photos-2', 'filled');
    expect(await planIndexes(store, 'photos', {})).toEqual({ before: 'photos-1', after: 'photos-3' });
    for (const after of ['photos-1', 'photos', 'live']) {
      await expect(planIndexes(store, 'photos', { after })).rejects.toThrow('for --after');
    }
  });

  test.each<[what: string, planned: () => Promise<unknown>, message: string]>([
    ['an index by that name', () => plan(['photos'], 'photos'), 'give the index with --before photos'],
    ['no alias and no index', () => plan([], 'photos'), 'Give the index that it is to replace with --before'],
    [
      'an alias of another',
      () => plan(['a', 'b'], 'photos', 'a', 'b'),
      "Expected 'b' behind the alias 'photos' but found 'a'",
    ],
  ])('%s is refused', async (_, planned, message) => {
    await expect(planned()).rejects.toThrow(message);
  });
});
