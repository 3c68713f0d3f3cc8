// What every source does, whatever it reads; each source's test hands in its own fixture.

import { expect, test } from 'vitest';
import type { Source, SourceItem } from '../../runner/ports.ts';

export interface SourceFixture {
  /** Opened anew at each call. */
  open(): Promise<Source>;
  /** Every item with its bytes, in order; an error's code instead of bytes where reading fails. */
  readonly items: readonly (readonly [id: string, bytes: Uint8Array | string])[];
}

export async function collect<T>(items: AsyncIterable<T>): Promise<T[]> {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
}

export function listAll(source: Source): Promise<SourceItem[]> {
  return collect(source.list());
}

const MAX_BYTES = 1 << 20;

export function describeSource(fixture: () => Promise<SourceFixture>): void {
  const use = async <T>(run: (source: Source, fixture: SourceFixture) => Promise<T>): Promise<T> => {
    const given = await fixture();
    const source = await given.open();
    try {
      return await run(source, given);
    } finally {
      await source.close();
    }
  };

  test('lists every item, in the order of the source', () =>
    use(async (source, { items }) => {
      expect((await listAll(source)).map(({ id }) => id)).toEqual(items.map(([id]) => id));
    }));

  test('lists the same again, and when opened again', () =>
    use(async (source, { open }) => {
      const first = await listAll(source);
      expect(await listAll(source)).toEqual(first);
      const other = await open();
      expect(await listAll(other)).toEqual(first);
      await other.close();
    }));

  test('ids are unique, of 1 to 512 bytes', () =>
    use(async (source) => {
      const ids = (await listAll(source)).map(({ id }) => id);
      expect(new Set(ids).size).toBe(ids.length);
      for (const id of ids) {
        expect(Buffer.byteLength(id)).toBeGreaterThan(0);
        expect(Buffer.byteLength(id)).toBeLessThanOrEqual(512);
      }
    }));

  test('items are plain data, which another process reads', () =>
    use(async (source, { open, items }) => {
      const listed: SourceItem[] = JSON.parse(JSON.stringify(await listAll(source)));
      const other = await open();
      for (const [place, [, expected]] of items.entries()) {
        const item = listed[place];
        if (item === undefined || typeof expected === 'string') continue;
        expect(await other.read(item, MAX_BYTES)).toEqual(expected);
      }
      await other.close();
    }));

  test('a broken item fails alone, by an error that names what is wrong', () =>
    use(async (source, { items }) => {
      const listed = await listAll(source);
      for (const [place, [, expected]] of items.entries()) {
        const item = listed[place];
        if (item === undefined || typeof expected !== 'string') continue;
        await expect(source.read(item, MAX_BYTES)).rejects.toMatchObject({ code: expected });
      }
    }));

  test('reads within the limit and refuses one byte more', () =>
    use(async (source, { items }) => {
      const listed = await listAll(source);
      const place = items.findIndex(([, bytes]) => typeof bytes !== 'string' && bytes.length > 0);
      const item = listed[place];
      const bytes = items[place]?.[1];
      if (item === undefined || bytes === undefined || typeof bytes === 'string') {
        throw new Error('Expected an item with bytes in the fixture.');
      }
      expect((await source.read(item, bytes.length)).length).toBe(bytes.length);
      await expect(source.read(item, bytes.length - 1)).rejects.toMatchObject({
        name: 'InputError',
        code: 'image_too_large',
      });
    }));

  test('can be left in the middle of its list', () =>
    use(async (source, { items }) => {
      for await (const { id } of source.list()) {
        expect(id).toBe(items[0]?.[0]);
        break;
      }
    }));
}
