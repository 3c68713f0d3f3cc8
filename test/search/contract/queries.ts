// What the contract asks of queries: the right hits in the right order, filters, refusals.

import { beforeAll, describe, expect, test } from 'vitest';
import type { Filter, Query, VectorIndex } from '../../../core/vector-store.ts';
import { clusteredVectors } from '../vectors.ts';
import { DIMENSIONS, item, near, type Subject, space } from './subject.ts';

export function queryContract(subject: Subject): void {
  const { ask, indexOf } = subject;
  describe('queries', () => {
    test('find what comparing one by one finds', async () => {
      const draw = clusteredVectors({ clusters: 12, dimensions: DIMENSIONS, seed: 7 });
      const items = Array.from({ length: 400 }, (_, place) => item(`item-${place}`, draw()));
      const index = await indexOf(items);
      for (const query of Array.from({ length: 8 }, draw)) {
        const hits = await index.query({ by: { vector: query, space }, topK: 10 });
        const truth = new Map(items.map(({ id, vector }) => [id, dot(query, vector)]));
        const sorted = [...truth.values()].sort((a, b) => b - a);
        expect(hits).toHaveLength(10);
        hits.forEach(({ id, score }, place) => {
          expect(Math.abs(score - (truth.get(id) ?? Number.NaN))).toBeLessThanOrEqual(subject.tolerance);
          expect(truth.get(id) ?? -1).toBeGreaterThanOrEqual((sorted[place] ?? 1) - 2 * subject.tolerance);
        });
        expect(new Set(hits.map(({ id }) => id)).size).toBe(10);
      }
    });

    test('by id find what its vector finds; the item itself can be left out', async () => {
      const index = await indexOf([item('a'), item('b', near(0.9)), item('c', near(0.5))]);
      expect(await ask(index, { by: { id: 'a' }, topK: 2 })).toEqual(['a', 'b']);
      expect(await ask(index, { by: { id: 'a' }, topK: 2, excludeSelf: true })).toEqual(['b', 'c']);
      expect(await ask(index, { topK: 2, excludeSelf: true })).toEqual(['b', 'c']);
      await expect(ask(index, { by: { id: 'z' }, topK: 1 })).rejects.toMatchObject({ code: 'not_found' });
    });

    test('give the metadata and no more than min_score allows', async () => {
      const index = await indexOf([item('a', near(0.9), { n: 1 }), item('b', near(-0.5))]);
      const [hit, ...others] = await index.query({
        by: { vector: near(1), space },
        topK: 5,
        minScore: 0.5,
      });
      expect(others).toEqual([]);
      expect(hit).toEqual({ id: 'a', score: expect.closeTo(0.9, 1), metadata: { n: 1 }, folded: [] });
      expect(await ask(index, { topK: 5, minScore: -1 })).toEqual(['a', 'b']);
    });

    test('of an empty index find nothing', async () => {
      expect(await ask(await indexOf([]), { topK: 3 })).toEqual([]);
    });

    test('equal scores come in order of id', async () => {
      const index = await indexOf(['d', 'b', 'a', 'c'].map((id) => item(id)));
      expect(await ask(index, { topK: 9 })).toEqual(['a', 'b', 'c', 'd']);
    });

    test('near-duplicates fold into the best of them, and the list is filled up', async () => {
      const copies = Array.from({ length: 12 }, (_, place) =>
        item(`copy-${place + 10}`, near(0.95 - place / 1e4)),
      );
      const index = await indexOf([...copies, item('b', near(0.6, 2)), item('c', near(0.5, 3))]);
      const hits = await index.query({ by: { vector: near(1), space }, topK: 3, fold: 0.98 });
      expect(hits.map(({ id, folded }) => [id, folded.length])).toEqual([
        ['copy-10', 11],
        ['b', 0],
        ['c', 0],
      ]);
      expect(hits[0]?.folded.toSorted()).toEqual(copies.slice(1).map(({ id }) => id));
    });

    describe('filter', () => {
      let index: VectorIndex;
      beforeAll(async () => {
        const crowd = Array.from({ length: 200 }, (_, place) =>
          item(`crowd-${place}`, near(0.99), { kind: 'crowd' }),
        );
        index = await indexOf([
          ...crowd,
          item('text', near(0.4), { kind: 'x', value: '1' }),
          item('one', near(0.3), { kind: 'x', value: 1 }),
          item('two', near(0.2), { kind: 'x', value: 2.5 }),
          item('true', near(0.1), { kind: 'y', value: true }),
          item('none', near(0), { kind: 'y' }),
        ]);
      });

      test.each<[Filter, readonly string[]]>([
        [{ kind: 'x' }, ['text', 'one', 'two']],
        [{ kind: { in: ['x', 'y'] } }, ['text', 'one', 'two', 'true', 'none']],
        [{ value: 1 }, ['one']],
        [{ value: '1' }, ['text']],
        [{ value: true }, ['true']],
        [{ value: false }, []],
        [{ value: { in: ['1', 2.5, true] } }, ['text', 'two', 'true']],
        [{ value: { gte: 1 } }, ['one', 'two']],
        [{ value: { gt: 1 } }, ['two']],
        [{ value: { gte: 1, lt: 2.5 } }, ['one']],
        [{ value: { lte: 2.5 }, kind: 'x' }, ['one', 'two']],
        [{ value: 1, kind: 'y' }, []],
        [{ kind: "x' OR 1=1" }, []],
      ])('%j', async (filter, expected) => {
        expect(await ask(index, { topK: 5, filter })).toEqual(expected);
      });
    });

    test.each<[string, Partial<Query> & Record<string, unknown>, RegExp]>([
      ['top_k 0', { topK: 0 }, /1 to 1000? for top_k/],
      ['top_k 1001', { topK: 1001 }, /1 to 1000? for top_k/],
      ['top_k 1.5', { topK: 1.5 }, /whole number/],
      ['min_score', { minScore: 2 }, /-1 to 1 for min_score/],
      ['fold', { fold: Number.NaN }, /-1 to 1 for fold/],
      ['a field', { filter: { 'a"b': 1 } }, /filter/],
      ['an empty list', { filter: { a: { in: [] } } }, /1 to 100 values for filter\.a\.in/],
      ['an operator', { filter: { a: JSON.parse('{"near":1}') } }, /one of in, gt, gte, lt, lte/],
      ['a bound', { filter: { a: JSON.parse('{"gt":"1"}') } }, /finite number for filter\.a\.gt/],
      ['no value', { filter: { a: JSON.parse('null') } }, /filter\.a/],
      ['the vector', { by: { vector: new Float32Array(3), space } }, /32 values .*query .*3/],
    ])('%s is refused', async (_, query, message) => {
      await expect(ask(await indexOf([]), { topK: 1, ...query })).rejects.toMatchObject({
        code: 'invalid_option',
        message: expect.stringMatching(message),
      });
    });
  });
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, place) => sum + value * (b[place] ?? 0), 0);
}
