// Damaged weight files are read as what they hold, or refused; never a crash, a hang or a huge allocation.
// Longer: node test/model-build/fuzz-weights.ts 100000

import { expect, test } from 'vitest';
import { FUZZED_FILES, fuzzWeights } from './fuzz-weights.ts';

test.each(FUZZED_FILES)('%s, damaged in 100 ways', async (file) => {
  const { opened, refused } = await fuzzWeights(file, 100, 2026);
  expect(opened + refused).toBe(100);
  expect(refused).toBeGreaterThan(0);
});
