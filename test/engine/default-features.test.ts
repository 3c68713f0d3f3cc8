import { expect, test } from 'vitest';
import golden from '../golden/default-features.json' with { type: 'json' };
import { DEFAULT_MODEL, defaultFeatures } from './default-features.ts';

// test/worker/default-features.test.ts holds the Workers' runtime to the same bytes.
test('the default model gives the golden features in Node, bit for bit', async () => {
  const { madeBy: _, ...expected } = golden;
  expect(await defaultFeatures(DEFAULT_MODEL)).toEqual(expected);
});
