// What the contract asks of aliases.

import { describe, expect, test } from 'vitest';
import { item, near, type Subject, space } from './subject.ts';

export function aliasContract(subject: Subject): void {
  const { ask, freshName, indexOf, settle } = subject;
  describe('aliases', () => {
    /** Two indexes, each with one item of its own, and an alias of the first. */
    async function blueAndGreen() {
      const [blue, green] = [await indexOf([item('blue')]), await indexOf([item('green')])];
      const [{ name: old }, { name: fresh }] = [await blue.describe(), await green.describe()];
      const alias = freshName();
      await subject.store.setAlias(alias, old);
      await settle();
      return { alias, old, fresh, blue };
    }
    const idsIn = async (name: string) => ask(await subject.store.open(name), { topK: 5 });

    test('open the index they name, and move to another at once', async () => {
      const { alias, old, fresh } = await blueAndGreen();
      const opened = await subject.store.open(alias);
      expect(await opened.describe()).toEqual({ name: old, space, items: 1 });
      expect(await idsIn(alias)).toEqual(['blue']);
      await subject.store.setAlias(alias, fresh);
      await settle();
      expect(await idsIn(alias)).toEqual(['green']);
      expect(await ask(opened, { topK: 5 })).toEqual(['blue']);
      await subject.store.setAlias(alias, fresh);
      await settle();
      expect(await idsIn(alias)).toEqual(['green']);
    });

    test('take items, and creating one opens its index, or refuses other vectors', async () => {
      const { alias, old } = await blueAndGreen();
      const index = await subject.store.create(alias, space);
      await index.upsert(space, [item('more', near(0.5))]);
      await settle();
      expect(await idsIn(old)).toEqual(['blue', 'more']);
      await expect(subject.store.create(alias, { ...space, pool: 'max' })).rejects.toMatchObject({
        code: 'index_mismatch',
        message: expect.stringContaining(`'${old}'`),
      });
    });

    test('are listed, alone and with their indexes', async () => {
      const { alias, old, fresh } = await blueAndGreen();
      const other = freshName();
      await subject.store.setAlias(other, old);
      await settle();
      const listed = await subject.store.list();
      expect(listed.find(({ name }) => name === old)?.aliases).toEqual([alias, other]);
      expect(listed.find(({ name }) => name === fresh)?.aliases).toEqual([]);
      expect(listed.map(({ name }) => name)).not.toContain(alias);
      const aliases = await subject.store.aliases();
      expect(aliases.filter(({ index }) => index === old)).toEqual([
        { alias, index: old },
        { alias: other, index: old },
      ]);
      expect(aliases.map((each) => each.alias)).toEqual(aliases.map((each) => each.alias).toSorted());
    });

    test('keep their index from being deleted until they are gone', async () => {
      const { alias, old, fresh } = await blueAndGreen();
      await expect(subject.store.delete(old)).rejects.toMatchObject({
        code: 'alias_conflict',
        message: expect.stringContaining(`'${alias}'`),
      });
      await expect(subject.store.delete(alias)).rejects.toMatchObject({
        code: 'alias_conflict',
        message: expect.stringContaining(`alias of '${old}'`),
      });
      expect(await idsIn(old)).toEqual(['blue']);
      await subject.store.setAlias(alias, fresh);
      await settle();
      await subject.store.delete(old);
      await subject.store.deleteAlias(alias);
      await settle();
      await expect(subject.store.open(alias)).rejects.toMatchObject({ code: 'not_found' });
      await expect(subject.store.deleteAlias(alias)).rejects.toMatchObject({ code: 'not_found' });
      expect(await idsIn(fresh)).toEqual(['green']);
    });

    test('stand for indexes only, and under names that no index has', async () => {
      const { alias, old, fresh } = await blueAndGreen();
      await expect(subject.store.setAlias(freshName(), freshName())).rejects.toMatchObject({
        code: 'not_found',
      });
      await expect(subject.store.setAlias(freshName(), alias)).rejects.toMatchObject({
        code: 'alias_conflict',
      });
      await expect(subject.store.setAlias(fresh, old)).rejects.toMatchObject({ code: 'alias_conflict' });
      await expect(subject.store.setAlias('Not/this', old)).rejects.toMatchObject({ code: 'invalid_option' });
      await expect(subject.store.deleteAlias(old)).rejects.toMatchObject({ code: 'not_found' });
    });

    test('survive in a store that is opened anew', async ({ skip }) => {
      if (subject.reopen === undefined) return skip('This store keeps nothing.');
      const { alias, old } = await blueAndGreen();
      const again = await subject.reopen();
      expect(await again.aliases()).toContainEqual({ alias, index: old });
      expect((await (await again.open(alias)).describe()).name).toBe(old);
    });
  });
}
