import { expect, test } from 'vitest';
import { rememberedAccount } from '../../search/remembered-account.ts';
import type { VectorizeAccount } from '../../search/vectorize-api.ts';
import { createVectorizeStandIn } from './vectorize-stand-in.ts';

function counted() {
  const standIn = createVectorizeStandIn();
  const seen = { lists: 0, fail: false, time: 0 };
  const account: VectorizeAccount = {
    ...standIn,
    async list() {
      seen.lists += 1;
      if (seen.fail) throw new Error('offline');
      return standIn.list();
    },
  };
  return { seen, standIn, remembered: rememberedAccount(account, () => seen.time) };
}

const names = async (account: VectorizeAccount) => (await account.list()).map(({ name }) => name);

test('the list is asked for once in half a minute', async () => {
  const { seen, standIn, remembered } = counted();
  expect(await names(remembered)).toEqual([]);
  await standIn.create('theirs', 32, '', []);
  seen.time = 29_999;
  expect(await names(remembered)).toEqual([]);
  expect(seen.lists).toBe(1);
  seen.time = 30_000;
  expect(await names(remembered)).toEqual(['theirs']);
  expect(seen.lists).toBe(2);
});

test('own changes are seen at once', async () => {
  const { remembered } = counted();
  expect(await names(remembered)).toEqual([]);
  await remembered.create('ours', 32, '', []);
  expect(await names(remembered)).toEqual(['ours']);
  await remembered.delete('ours');
  expect(await names(remembered)).toEqual([]);
});

test('a failure is not remembered', async () => {
  const { seen, remembered } = counted();
  seen.fail = true;
  await expect(remembered.list()).rejects.toThrow('offline');
  seen.fail = false;
  expect(await names(remembered)).toEqual([]);
});
