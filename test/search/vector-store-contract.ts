// What every store of the VectorStore port must do, run over each of them.

import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type {
  Filter,
  Item,
  Metadata,
  Query,
  VectorIndex,
  VectorSpace,
  VectorStore,
} from '../../core/vector-store.ts';
import { clusteredVectors } from './vectors.ts';

export interface StoreUnderTest {
  readonly store: VectorStore;
  /** How far a score or a stored value may be from float32's. */
  readonly tolerance: number;
  /** Resolves when everything written can be read; for stores that write asynchronously. */
  settle?(): Promise<void>;
  /** Another store over what this one left behind; not for those that keep nothing. */
  reopen?(): Promise<VectorStore>;
}

const DIMENSIONS = 32;

export const space: VectorSpace = {
  model: 'tiny@0123456789ab',
  preprocess: 'torchvision-256-224@1',
  layer: 'features',
  pool: 'gem',
  projection: null,
  dimensions: DIMENSIONS,
};

/** A vector whose cosine with `axis(0)` is `cosine`. */
function near(cosine: number, other = 1): Float32Array {
  const vector = new Float32Array(DIMENSIONS);
  vector[0] = cosine;
  vector[other] = Math.sqrt(1 - cosine * cosine);
  return vector;
}

const item = (id: string, vector: Float32Array = near(1), metadata: Metadata = {}): Item => ({
  id,
  vector,
  metadata,
});

export function vectorStoreContract(name: string, open: () => Promise<StoreUnderTest>): void {
  describe(name, () => {
    let store: VectorStore;
    let tolerance: number;
    let settle: () => Promise<void>;
    let reopen: StoreUnderTest['reopen'];
    let next = 0;

    beforeAll(async () => {
      const opened = await open();
      store = opened.store;
      tolerance = opened.tolerance;
      settle = opened.settle?.bind(opened) ?? (async () => {});
      reopen = opened.reopen?.bind(opened);
      // A whole PostgreSQL may have to start.
    }, 60_000);

    afterAll(() => store.close());

    const freshName = () => `index-${next++}`;
    async function indexOf(items: readonly Item[]): Promise<VectorIndex> {
      const index = await store.create(freshName(), space);
      await index.upsert(space, items);
      await settle();
      return index;
    }
    const ask = async (index: VectorIndex, query: Omit<Query, 'by'> & Partial<Query>) =>
      (await index.query({ by: { vector: near(1), space }, ...query })).map(({ id }) => id);

    describe('indexes', () => {
      test('are created, listed, described, opened and deleted', async () => {
        const [a, b] = [freshName(), freshName()];
        await store.create(b, space);
        const index = await store.create(a, { ...space, projection: 'features-gem-32@0123456789ab' });
        await index.upsert({ ...space, projection: 'features-gem-32@0123456789ab' }, [item('x')]);
        await settle();
        const listed = await store.list();
        expect(listed.filter((info) => info.name === a || info.name === b)).toEqual([
          { name: a, space: { ...space, projection: 'features-gem-32@0123456789ab' }, items: 1, aliases: [] },
          { name: b, space, items: 0, aliases: [] },
        ]);
        expect(listed.find((info) => info.name === a)).toMatchObject(await (await store.open(a)).describe());
        await store.delete(a);
        await settle();
        expect((await store.list()).map((info) => info.name)).not.toContain(a);
        await expect(store.open(a)).rejects.toMatchObject({ code: 'not_found' });
        await expect(store.delete(a)).rejects.toMatchObject({ code: 'not_found' });
      });

      test('one created anew after deletion is empty', async () => {
        const index = await indexOf([item('x')]);
        const { name } = await index.describe();
        await store.delete(name);
        await settle();
        const again = await store.create(name, space);
        expect(await again.describe()).toMatchObject({ items: 0 });
        expect(await again.get(['x'])).toEqual([]);
      });

      test('creating what exists opens it; with another space it is refused with both spaces named', async () => {
        const index = await indexOf([item('x')]);
        const { name } = await index.describe();
        expect(await (await store.create(name, space)).get(['x'])).toHaveLength(1);
        await expect(store.create(name, { ...space, model: 'other@ba9876543210' })).rejects.toMatchObject({
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
        await expect(store.create(name, space)).rejects.toMatchObject({ code: 'invalid_option' });
      });
    });

    describe('aliases', () => {
      /** Two indexes, each with one item of its own, and an alias of the first. */
      async function blueAndGreen() {
        const [blue, green] = [await indexOf([item('blue')]), await indexOf([item('green')])];
        const [{ name: old }, { name: fresh }] = [await blue.describe(), await green.describe()];
        const alias = freshName();
        await store.setAlias(alias, old);
        await settle();
        return { alias, old, fresh, blue };
      }
      const idsIn = async (name: string) => ask(await store.open(name), { topK: 5 });

      test('open the index they name, and move to another at once', async () => {
        const { alias, old, fresh } = await blueAndGreen();
        const opened = await store.open(alias);
        expect(await opened.describe()).toEqual({ name: old, space, items: 1 });
        expect(await idsIn(alias)).toEqual(['blue']);
        await store.setAlias(alias, fresh);
        await settle();
        expect(await idsIn(alias)).toEqual(['green']);
        expect(await ask(opened, { topK: 5 })).toEqual(['blue']);
        await store.setAlias(alias, fresh);
        await settle();
        expect(await idsIn(alias)).toEqual(['green']);
      });

      test('take items, and creating one opens its index, or refuses other vectors', async () => {
        const { alias, old } = await blueAndGreen();
        const index = await store.create(alias, space);
        await index.upsert(space, [item('more', near(0.5))]);
        await settle();
        expect(await idsIn(old)).toEqual(['blue', 'more']);
        await expect(store.create(alias, { ...space, pool: 'max' })).rejects.toMatchObject({
          code: 'index_mismatch',
          message: expect.stringContaining(`'${old}'`),
        });
      });

      test('are listed, alone and with their indexes', async () => {
        const { alias, old, fresh } = await blueAndGreen();
        const other = freshName();
        await store.setAlias(other, old);
        await settle();
        const listed = await store.list();
        expect(listed.find(({ name }) => name === old)?.aliases).toEqual([alias, other]);
        expect(listed.find(({ name }) => name === fresh)?.aliases).toEqual([]);
        expect(listed.map(({ name }) => name)).not.toContain(alias);
        const aliases = await store.aliases();
        expect(aliases.filter(({ index }) => index === old)).toEqual([
          { alias, index: old },
          { alias: other, index: old },
        ]);
        expect(aliases.map((each) => each.alias)).toEqual(aliases.map((each) => each.alias).toSorted());
      });

      test('keep their index from being deleted until they are gone', async () => {
        const { alias, old, fresh } = await blueAndGreen();
        await expect(store.delete(old)).rejects.toMatchObject({
          code: 'alias_conflict',
          message: expect.stringContaining(`'${alias}'`),
        });
        await expect(store.delete(alias)).rejects.toMatchObject({
          code: 'alias_conflict',
          message: expect.stringContaining(`alias of '${old}'`),
        });
        expect(await idsIn(old)).toEqual(['blue']);
        await store.setAlias(alias, fresh);
        await settle();
        await store.delete(old);
        await store.deleteAlias(alias);
        await settle();
        await expect(store.open(alias)).rejects.toMatchObject({ code: 'not_found' });
        await expect(store.deleteAlias(alias)).rejects.toMatchObject({ code: 'not_found' });
        expect(await idsIn(fresh)).toEqual(['green']);
      });

      test('stand for indexes only, and under names that no index has', async () => {
        const { alias, old, fresh } = await blueAndGreen();
        await expect(store.setAlias(freshName(), freshName())).rejects.toMatchObject({ code: 'not_found' });
        await expect(store.setAlias(freshName(), alias)).rejects.toMatchObject({ code: 'alias_conflict' });
        await expect(store.setAlias(fresh, old)).rejects.toMatchObject({ code: 'alias_conflict' });
        await expect(store.setAlias('Not/this', old)).rejects.toMatchObject({ code: 'invalid_option' });
        await expect(store.deleteAlias(old)).rejects.toMatchObject({ code: 'not_found' });
      });

      test('survive in a store that is opened anew', async ({ skip }) => {
        if (reopen === undefined) return skip('This store keeps nothing.');
        const { alias, old } = await blueAndGreen();
        const again = await reopen();
        expect(await again.aliases()).toContainEqual({ alias, index: old });
        expect((await (await again.open(alias)).describe()).name).toBe(old);
      });
    });

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
          expect(Math.abs((a?.vector[place] ?? Number.NaN) - value)).toBeLessThanOrEqual(tolerance);
        });
        expect(b?.metadata).toEqual({});
      });

      test('any text of up to 512 bytes is an id', async () => {
        const ids = [
          'a/b c.jpg',
          "'; DROP TABLE items; --",
          '{"a":1}',
          '猫.png',
          '%_\\',
          ' ',
          'x'.repeat(512),
        ];
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
        ['strange field', item('bad', near(1), { 'a.b': 1 }), /'bad'.*a\.b/],
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
        await expect(
          index.query({ by: { vector: near(1), space: stranger }, topK: 1 }),
        ).rejects.toMatchObject(refusal);
      });
    });

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
            expect(Math.abs(score - (truth.get(id) ?? Number.NaN))).toBeLessThanOrEqual(tolerance);
            expect(truth.get(id) ?? -1).toBeGreaterThanOrEqual((sorted[place] ?? 1) - 2 * tolerance);
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
  });
}

function dot(a: Float32Array, b: Float32Array): number {
  return a.reduce((sum, value, place) => sum + value * (b[place] ?? 0), 0);
}
