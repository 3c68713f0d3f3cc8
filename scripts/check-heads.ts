// `npm run check:heads -- WEIGHTS PHOTOS [SIZE]`: full-size classifiers of trained weights, which `npm test` has not.
// Factors are multiplied out, every form of the classifier is built and measured as `build --memory` does, and 4-bit
// ones are held to the goal: top-1 agreement with float32 of at least 98 %. Takes minutes and 4 GB.

import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../cli/main.ts';
import { parseManifest } from '../core/manifest.ts';
import { exportSafetensors } from '../model-build/export.ts';
import { openMatrixProducts } from '../model-build/matrix-product.ts';
import { multiplyOut } from '../model-build/multiply-out.ts';
import { TORCHVISION_INPUT } from '../model-build/network.ts';
import { openWeights } from '../model-build/open-weights.ts';
import { readNetwork } from '../model-build/read-network.ts';

const GOAL = 0.98;

const [weights, photos, memory = '128MB'] = process.argv.slice(2);
if (weights === undefined || photos === undefined) {
  console.error('Expected npm run check:heads -- WEIGHTS PHOTOS [SIZE].');
  process.exit(2);
}
const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-heads-'));
try {
  const whole = join(folder, 'whole.safetensors');
  await writeWhole(weights, whole);
  const out = join(folder, 'model');
  const args = ['--weights', whole, '--calibration', photos, '--nearest', '--memory', memory, '--out', out];
  const start = performance.now();
  process.exitCode = await main(['build', ...args]);
  const seconds = (performance.now() - start) / 1000;
  const { headChoice } = parseManifest(await readFile(join(out, 'model.json'), 'utf8'));
  const packed = headChoice?.candidates.filter(({ name }) => name.startsWith('4-bit')) ?? [];
  console.log(
    `\nBuilt in ${seconds.toFixed(0)} s, ${(process.resourceUsage().maxRSS / 1024).toFixed(0)} MiB at most.`,
  );
  for (const { name, headTop1Agreement } of packed) {
    const verdict = headTop1Agreement >= GOAL ? 'reached' : 'missed';
    console.log(
      `${name}: ${(100 * headTop1Agreement).toFixed(1)} % of the float32 classifier's top-1, goal ${verdict}`,
    );
  }
} finally {
  await rm(folder, { recursive: true });
}

/** The weights without factors, batch norm folded in. */
async function writeWhole(from: string, to: string): Promise<void> {
  const file = await openWeights(from);
  try {
    await using products = await openMatrixProducts();
    await exportSafetensors(await multiplyOut(await readNetwork(file, TORCHVISION_INPUT), products), to, {});
  } finally {
    await file.close();
  }
}
