import { describe, expect, test } from 'vitest';
import { createTurns, once } from '../../core/turns.ts';

const ticks = async (count: number): Promise<void> => {
  for (let tick = 0; tick < count; tick += 1) await Promise.resolve();
};

describe('turns', () => {
  test('run one at a time, in order of arrival', async () => {
    const turns = createTurns();
    const events: string[] = [];
    const work = (name: string, length: number) =>
      turns(async () => {
        events.push(`${name} begins`);
        await ticks(length);
        events.push(`${name} ends`);
        return name;
      });
    const results = await Promise.all([work('a', 30), work('b', 1), work('c', 9)]);
    expect(results).toEqual(['a', 'b', 'c']);
    expect(events).toEqual(['a begins', 'a ends', 'b begins', 'b ends', 'c begins', 'c ends']);
  });

  test('a failure is its own alone', async () => {
    const turns = createTurns();
    const failing = turns(() => Promise.reject(new Error('no')));
    const throwing = turns(() => {
      throw new Error('nor this');
    });
    await expect(failing).rejects.toThrow('no');
    await expect(throwing).rejects.toThrow('nor this');
    await expect(turns(async () => 1)).resolves.toBe(1);
  });
});

describe('once', () => {
  test('loads once, however many ask', async () => {
    let loads = 0;
    const load = once(async () => {
      await ticks(5);
      loads += 1;
      return loads;
    });
    expect(await Promise.all([load(), load(), load()])).toEqual([1, 1, 1]);
    expect(await load()).toBe(1);
  });

  test('forgets a failure, which all who waited see', async () => {
    let loads = 0;
    const load = once(async () => {
      loads += 1;
      if (loads === 1) throw new Error('first');
      return loads;
    });
    const both = await Promise.allSettled([load(), load()]);
    expect(both.map(({ status }) => status)).toEqual(['rejected', 'rejected']);
    expect(await load()).toBe(2);
  });
});
