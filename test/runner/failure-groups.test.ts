import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, test } from 'vitest';
import { failureLine } from '../../runner/failure.ts';
import { groupFailures } from '../../runner/failure-groups.ts';

let folder = '';
beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'vgg-edge-failures-'));
});
afterAll(() => rm(folder, { recursive: true }));

test('the most frequent kind first, each with its first item', async () => {
  const path = join(folder, 'failures.jsonl');
  const item = (id: string, code: string) => ({ id, code, location: `/${id}`, reason: `reason of ${id}` });
  const items = [item('a', 'invalid_file'), item('b', 'unreachable'), item('c', 'unreachable')];
  await writeFile(path, items.map(failureLine).join(''));
  expect(await groupFailures(path)).toEqual([
    { code: 'unreachable', count: 2, first: items[1] },
    { code: 'invalid_file', count: 1, first: items[0] },
  ]);
});

test('a file that holds something else', async () => {
  const path = join(folder, 'other.jsonl');
  await writeFile(path, '{"id":"a"}\n');
  await expect(groupFailures(path)).rejects.toMatchObject({ name: 'InputError', code: 'invalid_file' });
});
