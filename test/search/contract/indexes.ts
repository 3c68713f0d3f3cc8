// What the contract asks of indexes: made, found, described, deleted.

import { describe, expect, test } from 'vitest';
import { item, type Subject, space } from './subject.ts';

export function indexContract(subject: Subject): void {
  const { ask, freshName, indexOf, settle } = subject;
  describe('indexes', () => {
    test('are created, listed, described, opened and deleted', async () => {
      const [a, b] = [freshName(), freshName()];
      await subject.store.create(b, space);
      const index = await subject.store.create(a, { ...space, projection: 'features-gem-32@0123456789ab' });
      await index.upsert({ ...space, projection: 'features-gem-32@0123456789ab' }, [item('x')]);
      await settle();
      const listed = await subject.store.list();
      expect(listed.filter((info) => info.name === a || info.name === b)).toEqual([
        { name: a, space: { ...space, projection: 'features-gem-32@0123456789ab' }, items: 1, aliases: [] },
        { name: b, space, items: 0, aliases: [] },
      ]);
      const opened = await subject.store.open(a);
      expect(listed.find((info) => info.name === a)).toMatchObject(await opened.describe());
      expect(opened).toMatchObject({ name: a, space: index.space });
      expect(await subject.store.names()).toEqual(listed.map(({ name }) => name));
      await subject.store.delete(a);
      await settle();
      expect((await subject.store.list()).map((info) => info.name)).not.toContain(a);
      await expect(subject.store.open(a)).rejects.toMatchObject({ code: 'not_found' });
      await expect(subject.store.delete(a)).rejects.toMatchObject({ code: 'not_found' });
    });

    test('one created anew after deletion is empty', async () => {
      const index = await indexOf([item('x')]);
      const { name } = await index.describe();
      await subject.store.delete(name);
      await settle();
      const again = await subject.store.create(name, space);
      expect(await again.describe()).toMatchObject({ items: 0 });
      expect(await again.get(['x'])).toEqual([]);
    });

    test('creating what exists opens it; with another space it is refused with both spaces named', async () => {
      const index = await indexOf([item('x')]);
      const { name } = await index.describe();
      expect(await (await subject.store.create(name, space)).get(['x'])).toHaveLength(1);
      await expect(
        subject.store.create(name, { ...space, model: 'other@ba9876543210' }),
      ).rejects.toMatchObject({
        code: 'index_mismatch',
        message: expect.stringMatching(/model tiny@0123456789ab .* model other@ba9876543210.*new index/s),
      });
    });

    test('do not share items', async () => {
      const [a, b] = [await indexOf([item('x')]), await indexOf([item('y')])];
      expect(await a.get(['x', 'y'])).toHaveLength(1);
      expect(await ask(b, { topK: 5 })).toEqual(['y']);
    });

    test.each(['', 'Upper', 'a b', '-a', '../up', 'a'.repeat(64)])('refuse the name %j', async (name) => {
      await expect(subject.store.create(name, space)).rejects.toMatchObject({ code: 'invalid_option' });
    });
  });
}
