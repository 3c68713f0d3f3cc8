// `npm run check:runner-webgpu`: onnxruntime-node's WebGPU provider as the runner opens it, on a GPU or, for
// correctness alone, on the Vulkan renderer that Debian's chromium brings (minutes). Its features are compared
// with onnxruntime's float32 on the processor, and with our kernel's.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { cosine } from '../core/cosine.ts';
import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import { prepareImage } from '../core/prepare-image.ts';
import { readManifest } from '../engine/model-file.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import type { FloatPrecision } from '../model-build/dequantised-graphs.ts';
import { floatDirectory } from '../model-build/float-directory.ts';
import { openEngine } from '../runner/engine.ts';

const ROOT = join(import.meta.dirname, '..');
const MODEL = join(ROOT, 'models/default');
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';
/** Least cosine of features with onnxruntime's float32. */
const LEAST: Readonly<Record<FloatPrecision, number>> = { fp32: 0.99999, fp16: 0.999 };

// Read by the Vulkan loader when a process opens its first device.
if (process.env.VK_ICD_FILENAMES === undefined && existsSync(SWIFTSHADER)) {
  process.env.VK_ICD_FILENAMES = SWIFTSHADER;
}

const wanted = process.argv.slice(2);
const precisions = (['fp32', 'fp16'] as const).filter(
  (precision) => wanted.length === 0 || wanted.includes(precision),
);

const { manifest } = await readManifest(diskFiles(MODEL));
const batch = await prepareImage(readFileSync(join(ROOT, 'samples/cat.jpg')), undefined, {
  decoder: await createNodeDecoder(),
  sizes: manifest.preprocess,
  limits: LOCAL_IMAGE_LIMITS,
});

const native = await featuresOf('onnxruntime-cpu:fp32');
const edge = await featuresOf('winograd');
for (const precision of precisions) await check(precision);

async function check(precision: FloatPrecision): Promise<void> {
  const start = performance.now();
  let found: Float32Array;
  try {
    found = await featuresOf(`webgpu:${precision}`);
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    if (!/No supported adapters|not supported by the device|shader-f16/i.test(reason)) throw error;
    console.warn(
      `SKIPPED: ${precision} was not checked. It needs a Vulkan device that can run it. ${reason}`,
    );
    return;
  }
  const agreement = cosine(found, native);
  const seconds = ((performance.now() - start) / 1000).toFixed(0);
  console.log(
    `webgpu ${precision}: cosine ${agreement.toFixed(6)} with onnxruntime's fp32, ${cosine(found, edge).toFixed(6)} with our kernel; ${seconds} s`,
  );
  if (!(agreement >= LEAST[precision])) {
    throw new Error(`Expected a cosine ≥ ${LEAST[precision]} but found ${agreement}.`);
  }
}

async function featuresOf(engine: string): Promise<Float32Array> {
  const choice = await openEngine(engine, {
    directory: MODEL,
    manifest,
    taps: ['features'],
    floatGraphs: async (precision) =>
      (await floatDirectory(MODEL, precision, join(ROOT, '.cache/float'))).directory,
  });
  console.log(choice.reason);
  const { outputs } = await choice.engine.run(batch, ['features']);
  await choice.engine.dispose();
  return outputs.features ?? new Float32Array();
}
