// NaN and infinity in weights are refused where they stand.

import { expect, test } from 'vitest';
import { openSource } from '../../model-build/open-weights.ts';
import { readFinite } from '../../model-build/read-finite.ts';
import { memorySource } from './memory-source.ts';
import { dict, tensor } from './pickle-writer.ts';
import { floats, zipFile } from './torch-writer.ts';

test.each<[number[], string | null]>([
  [[1, 2, 3, 4, 5, 3.4e38], null],
  [[1, 2, 3, 4, Number.NaN, 6], 'Expected finite values for fc8.weight but found NaN at [1, 1].'],
  [
    [1, 2, Number.NEGATIVE_INFINITY, 4, 5, 6],
    'Expected finite values for fc8.weight but found -Infinity at [0, 2].',
  ],
])('%j', async (values, message) => {
  const file = await openSource(
    memorySource(zipFile(dict({ 'fc8.weight': tensor() }), { 0: floats(...values) })),
  );
  const read = readFinite(file, 'fc8.weight');
  if (message === null) expect([...(await read)]).toEqual([...Float32Array.from(values)]);
  else await expect(read).rejects.toMatchObject({ code: 'invalid_weights', param: 'fc8.weight', message });
});
