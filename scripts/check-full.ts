// `npm run check:full`: what is too long, or needs PyTorch, for `npm test`. A full-size vgg11_bn with random
// weights, saved by PyTorch, layer by layer against PyTorch's own outputs; then built to int8 with float
// graphs beside, and every graph through ONNX's checker. Needs Debian's python3-torch, -torchvision, -onnx.

import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { main } from '../cli/main.ts';
import { TORCHVISION_INPUT } from '../model-build/network.ts';
import { openWeights } from '../model-build/open-weights.ts';
import { readNetwork } from '../model-build/read-network.ts';
import { layerErrors } from '../test/model-build/layer-errors.ts';

const PYTHON = '/usr/bin/python3';
const TOLERANCE = 1e-4;

const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-full-'));
try {
  python(join(import.meta.dirname, 'goldens/network.py'), '--full', folder);
  const [golden] = JSON.parse(await readFile(join(folder, 'network.json'), 'utf8'));
  const weights = join(folder, 'vgg11_bn.pth');
  const file = await openWeights(weights);
  const network = await readNetwork(file, TORCHVISION_INPUT);
  await file.close();
  const errors = await layerErrors(network, golden.layers);
  for (const { layer, error } of errors) console.log(`${layer.padEnd(10)} ${error.toExponential(1)}`);
  const worst = Math.max(...errors.map(({ error }) => error));
  if (!(worst < TOLERANCE)) throw new Error(`Expected errors below ${TOLERANCE} but found ${worst}.`);

  const out = join(folder, 'model');
  const code = await main(['build', '--weights', weights, '--precision', 'fp16,fp32', '--out', out]);
  if (code !== 0) throw new Error('The build failed.');
  const graphs = (await readdir(out)).filter((name) => name.endsWith('.onnx'));
  python(join(import.meta.dirname, 'check-onnx.py'), ...graphs.map((name) => join(out, name)));
} finally {
  await rm(folder, { recursive: true });
}

function python(...args: readonly string[]): void {
  const { status } = spawnSync(PYTHON, args, { stdio: 'inherit' });
  if (status !== 0) throw new Error(`${args[0]} failed; it needs Debian's python3-torch and python3-onnx.`);
}
