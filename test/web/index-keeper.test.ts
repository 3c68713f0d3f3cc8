// Which photographs an index holds, and that what is removed is gone wherever it was.

import { describe, expect, test } from 'vitest';
import type { Backend } from '../../web/backend.ts';
import { createIndexKeeper } from '../../web/index-keeper.ts';
import type { Photo } from '../../web/photo.ts';

/** A backend whose index holds these ids, and refuses those. */
function indexOf(held: Set<string>, refuses: ReadonlyMap<string, string> = new Map()): Backend {
  const unused = () => Promise.reject(new Error('Not asked for here.'));
  return {
    analyse: unused,
    features: unused,
    otherIndexes: async () => [],
    openIndex: () => ({ search: unused, sample: unused }),
    index: {
      search: unused,
      sample: unused,
      has: async (ids) => new Set(ids.filter((id) => held.has(id))),
      async add(items) {
        for (const { id } of items) if (!refuses.has(id)) held.add(id);
        return new Map([...refuses].filter(([id]) => items.some((item) => item.id === id)));
      },
      async delete(id) {
        held.delete(id);
      },
    },
  };
}

const photo = (id: string, isPrivate = false): [string, Photo] => [
  id,
  { id, name: id, file: new Blob([id]), thumbnail: '', isPrivate },
];

function keep(photos: readonly [string, Photo][], onServer: Set<string>, refuses?: Map<string, string>) {
  const [server, browser] = [indexOf(onServer, refuses), indexOf(new Set())];
  const shelf = {
    photos: new Map(photos),
    keep: async () => undefined,
    remove: async () => undefined,
  };
  const keeper = createIndexKeeper({
    shelf: () => shelf,
    backends: [server, browser],
    isPrivate: (asked) => asked === browser,
    onProgress: () => undefined,
  });
  return { keeper, server, browser };
}

test('what the index refuses is told with its reason, and not sent again', async () => {
  const held = new Set<string>();
  const { keeper, server } = keep([photo('good'), photo('bad')], held, new Map([['bad', 'no image']]));
  expect([...(await keeper.fill(server))]).toEqual(['good']);
  expect([...keeper.refused]).toEqual([['bad', 'no image']]);
  expect([...(await keeper.fill(server))]).toEqual(['good']);
});

describe('removing', () => {
  test.each<[string, boolean, boolean, string[]]>([
    ['from a server that was filled in this visit', false, true, []],
    ['from a server that holds it from an earlier visit', false, false, []],
    ['a private photograph: no server hears of it', true, false, ['mine:1']],
  ])('%s', async (_, isPrivate, isFilled, left) => {
    const onServer = new Set(['mine:1']);
    const { keeper, server, browser } = keep([photo('mine:1', isPrivate)], onServer);
    await keeper.fill(browser);
    if (isFilled) await keeper.fill(server);
    await keeper.remove('mine:1');
    expect([...onServer]).toEqual(left);
    expect(await browser.index.has(['mine:1'])).toEqual(new Set());
  });
});
