// The engines that compute on the thread that answers: whoever asks something else is heard meanwhile.

import { join } from 'node:path';
import { setImmediate } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { nodeEngine } from '../../server/node-engines.ts';
import { tinyBatch, tinyModel } from '../engine/tiny-model.ts';

const TINY = join(import.meta.dirname, '../golden/models/tiny');

test.each(['winograd', 'onnxruntime-node'] as const)('%s: others are heard between runs', async (name) => {
  const create = await nodeEngine(name, TINY);
  const engine = await create(tinyModel().manifest, diskFiles(TINY));
  try {
    // Loads.
    await engine.run(tinyBatch(1, 1), ['features']);
    let ended = 0;
    const runs = Array.from({ length: 5 }, async () => {
      await engine.run(tinyBatch(1, 1), ['features']);
      ended += 1;
    });
    await setImmediate();
    expect(ended).toBeLessThan(5);
    await Promise.all(runs);
  } finally {
    await engine.dispose();
  }
});

test('winograd: amid a batch too', async () => {
  const create = await nodeEngine('winograd', TINY);
  const engine = await create(tinyModel().manifest, diskFiles(TINY));
  await engine.run(tinyBatch(1, 1), ['features']);
  let ended = false;
  const run = engine.run(tinyBatch(3, 1), ['features']).then(() => {
    ended = true;
  });
  await setImmediate();
  expect(ended).toBe(false);
  await run;
  await engine.dispose();
});
