// The engine computes on the isolate's one thread: whoever asks something else is heard between two runs.

import { env } from 'cloudflare:workers';
import { expect, test } from 'vitest';
import { readManifest } from '../../engine/model-file.ts';
import { assetFiles } from '../../worker/asset-files.ts';
import { createEngine } from '../../worker/engine.ts';

test('runs that follow each other let others be heard', async () => {
  const files = assetFiles(env.ASSETS, `/models/${env.MODEL}`);
  const { manifest } = await readManifest(files);
  const engine = createEngine(manifest, files);
  const images = { images: 1, size: 224, data: new Uint8Array(224 * 224 * 3) };
  try {
    // Loads.
    await engine.run(images, ['features']);
    let ended = 0;
    const running = (async () => {
      for (; ended < 4; ended += 1) await engine.run(images, ['features']);
    })();
    await new Promise((resolve) => setTimeout(resolve, 0));
    expect(ended).toBeLessThan(4);
    await running;
  } finally {
    await engine.dispose();
  }
});
