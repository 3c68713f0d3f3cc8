// What the contract asks of items: what goes in comes out, and what may not go in.

import { describe, expect, test } from 'vitest';
import type { Item, VectorSpace } from '../../../core/vector-store.ts';
import { DIMENSIONS, item, near, type Subject, space } from './subject.ts';

export function itemContract(subject: Subject): void {
  const { ask, indexOf, settle } = subject;
  describe('items', () => {
    test('come back as they went in, the vector at length 1, in the order asked', async () => {
      const metadata = {
        label: 'chat « noir » 猫 "\'\\',
        year: 2024,
        ratio: 0.1,
        whole: -3,
        sharp: true,
        dull: false,
      };
      const double = near(0.6).map((value) => 2 * value);
      const index = await indexOf([item('a', double, metadata), item('b', near(0))]);
      expect(await index.get([])).toEqual([]);
      const [b, a] = await index.get(['b', 'missing', 'a']);
      expect([b?.id, a?.id]).toEqual(['b', 'a']);
      expect(a?.metadata).toEqual(metadata);
      near(0.6).forEach((value, place) => {
        expect(Math.abs((a?.vector[place] ?? Number.NaN) - value)).toBeLessThanOrEqual(subject.tolerance);
      });
      expect(b?.metadata).toEqual({});
    });

    test('any text of up to 512 bytes is an id', async () => {
      const ids = ['a/b c.jpg', "'; DROP TABLE items; --", '{"a":1}', '猫.png', '%_\\', ' ', 'x'.repeat(512)];
      const index = await indexOf(ids.map((id) => item(id)));
      expect((await index.get(ids)).map(({ id }) => id)).toEqual(ids);
      expect(await ask(index, { topK: 9 })).toEqual(ids.toSorted());
      await index.delete(ids);
      await settle();
      expect(await index.get(ids)).toEqual([]);
    });

    test('an upsert replaces vector and metadata; of equal ids the later counts', async () => {
      const index = await indexOf([item('a', near(1), { old: true }), item('b', near(0.9))]);
      await index.upsert(space, [item('a', near(0)), item('a', near(0.5), { round: 2 })]);
      await settle();
      expect(await ask(index, { topK: 5 })).toEqual(['b', 'a']);
      expect((await index.get(['a']))[0]?.metadata).toEqual({ round: 2 });
      expect(await index.describe()).toMatchObject({ items: 2 });
    });

    test('deletion leaves the others; what does not exist is passed over', async () => {
      const index = await indexOf(['a', 'b', 'c', 'd'].map((id, place) => item(id, near(1 - place / 10))));
      await index.delete(['b', 'missing', 'a', 'a']);
      await settle();
      expect(await ask(index, { topK: 5 })).toEqual(['c', 'd']);
      expect(await index.get(['a', 'b', 'c'])).toHaveLength(1);
      await index.upsert(space, [item('e', near(0.75))]);
      await settle();
      expect(await ask(index, { topK: 5 })).toEqual(['c', 'e', 'd']);
      expect(await index.describe()).toMatchObject({ items: 3 });
    });

    test.each<[string, Item, RegExp]>([
      ['too few values', item('bad', new Float32Array(31)), /32 values .*'bad' .*31/],
      ['no length', item('bad', new Float32Array(DIMENSIONS)), /other than 0 .*'bad'/],
      ['not a number', item('bad', near(1).fill(Number.NaN, 3, 4)), /finite .*'bad'/],
      ['empty id', item(''), /1 to 512 bytes for id/],
      ['long id', item('é'.repeat(257)), /1 to 512 bytes for id but found 514/],
      ['zero in an id', item('b\0d'), /U\+0000 .*id but found "b\\u0000d"/],
      ['half a character in an id', item('b\ud800d'), /surrogate .*id but found "b\\ud800d"/],
      ['strange field', item('bad', near(1), { 'a.b': 1 }), /'bad'.*a\.b/],
      ['zero in metadata', item('bad', near(1), { a: 'x\0' }), /U\+0000 .*'bad', field a/],
      ['half a character in metadata', item('bad', near(1), { a: 'x\ud800' }), /'bad', field a/],
      ['infinite metadata', item('bad', near(1), { a: Infinity }), /'bad'.*field a/],
      ['large metadata', item('bad', near(1), { a: 'x'.repeat(10_240) }), /10240 bytes/],
    ])('%s is refused, and nothing of its batch is stored', async (_, bad, message) => {
      const index = await indexOf([]);
      const attempt = index.upsert(space, [item('good'), bad]);
      await expect(attempt).rejects.toMatchObject({
        code: 'invalid_option',
        message: expect.stringMatching(message),
      });
      await settle();
      expect(await index.describe()).toMatchObject({ items: 0 });
    });

    test.each<[string, Partial<VectorSpace>]>([
      ['model', { model: 'other@0123456789ab' }],
      ['preprocess', { preprocess: 'other@1' }],
      ['layer', { layer: 'fc7' }],
      ['pool', { pool: 'rmac' }],
      ['projection', { projection: 'features-gem-32@000000000000' }],
      ['dimensions', { dimensions: 64 }],
    ])('vectors of another %s are refused, going in and asking', async (key, other) => {
      const index = await indexOf([item('a')]);
      const stranger = { ...space, ...other };
      const refusal = { code: 'index_mismatch', message: expect.stringContaining(key) };
      await expect(index.upsert(stranger, [item('b')])).rejects.toMatchObject(refusal);
      await expect(index.query({ by: { vector: near(1), space: stranger }, topK: 1 })).rejects.toMatchObject(
        refusal,
      );
    });
  });
}
