// `npm run check:equality [-- DIRECTORY …]`: our engine against onnxruntime-web on full-size networks, bit by
// bit. Without directories: VGG11, 13, 16 and 19 of random weights, VGG11 of an odd size and of weights beyond the
// bound of one sum, and models/default. Takes a minute or two; the narrow networks of `npm test` take seconds.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { FAMILY_NAMES, familyMember } from '../core/family.ts';
import type { Manifest } from '../core/manifest.ts';
import type { ModelFiles } from '../core/ports.ts';
import { createOrtWebEngine } from '../engine/edge/engine.ts';
import { readManifest } from '../engine/model-file.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { compileOrtWebWasm } from '../engine/node/ort-web-wasm.ts';
import { loadBackbone } from '../engine/winograd/backbone.ts';
import { createWinogradEngine } from '../engine/winograd/engine.ts';
import type { QuantisedNetwork } from '../model-build/network.ts';
import { createRandom } from '../model-build/random.ts';
import { randomNetwork, writeTemporaryModel } from '../test/engine/random-network.ts';

const ROOT = join(import.meta.dirname, '..');
/** In passes of two, so that there is a whole one and a rest. */
const IMAGES = 3;
const IMAGES_PER_PASS = 2;
const TAPS = ['features', 'scores'] as const;

const wasm = await compileOrtWebWasm();
const kernel = new WebAssembly.Module(readFileSync(join(ROOT, 'engine/winograd/kernel.wasm')));
const now = () => performance.now();

/** Returns whether every value of features and scores is the same. */
async function compare(label: string, manifest: Manifest, files: ModelFiles): Promise<boolean> {
  const size = manifest.preprocess.crop;
  const random = createRandom(3);
  const data = Uint8Array.from({ length: IMAGES * size * size * 3 }, () => random() * 256);
  const batch = { images: IMAGES, size, data };
  const reference = createOrtWebEngine({ manifest, files, wasm, now });
  const expected = (await reference.run(batch, TAPS)).outputs;
  await reference.dispose();
  const engine = createWinogradEngine({ manifest, files, kernel, now, imagesPerPass: IMAGES_PER_PASS });
  const found = (await engine.run(batch, TAPS)).outputs;
  await engine.dispose();
  const counts = TAPS.map((tap) => {
    const values = expected[tap] ?? new Float32Array();
    const different = values.filter((value, index) => value !== found[tap]?.[index]).length;
    const distinct = new Set(values).size;
    return {
      different,
      text: `${tap} ${different} of ${values.length} differ (${distinct} distinct values)`,
    };
  });
  const { methods } = await loadBackbone(manifest, files, kernel, 1);
  const inParts = methods.filter(
    ({ part }, index) => part < (manifest.convolutions[index]?.inputChannels ?? 0),
  );
  console.log(
    `${label}: ${counts.map(({ text }) => text).join(', ')}; ${inParts.length} of ${methods.length} layers summed in parts`,
  );
  return counts.every(({ different }) => different === 0);
}

async function compareRandom(label: string, network: QuantisedNetwork): Promise<boolean> {
  await using model = await writeTemporaryModel(network);
  return await compare(label, model.manifest, model.files);
}

const member = (name: string, size = 224) =>
  randomNetwork(familyMember(name, { hiddenDim: 64, outputDim: 100 }), size, 1);

/** Every weight at an end of its range. */
function extreme(network: QuantisedNetwork): QuantisedNetwork {
  const convolutions = network.convolutions.map((layer) => ({
    ...layer,
    weight: layer.weight.map((weight) => (weight < 0 ? -127 : 127)),
  }));
  return { ...network, convolutions };
}

const results: boolean[] = [];
const directories = process.argv.slice(2);
if (directories.length === 0) {
  for (const name of FAMILY_NAMES.filter((member) => !member.endsWith('_bn'))) {
    results.push(await compareRandom(`${name}, random weights`, member(name)));
  }
  results.push(await compareRandom('vgg11, 197 × 197 pixels', member('vgg11', 197)));
  results.push(await compareRandom('vgg11, weights of ±127', extreme(member('vgg11'))));
  const model = join(ROOT, 'models/default');
  if (existsSync(join(model, 'model.json'))) directories.push(model);
}
for (const directory of directories) {
  const files = diskFiles(directory);
  const { manifest, id } = await readManifest(files);
  results.push(await compare(id, manifest, files));
}
process.exitCode = results.every(Boolean) ? 0 : 1;
