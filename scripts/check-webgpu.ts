// `npm run check:webgpu`: the API in Deno with WebGPU, on a GPU or, for correctness alone, on the Vulkan
// renderer that Debian's chromium brings (minutes). Its vectors are compared with onnxruntime-node's on the
// same float graphs, and with our kernel's.

import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { FloatPrecision } from '../model-build/dequantised-graphs.ts';
import { floatDirectory } from '../model-build/float-directory.ts';
import { startNodeServer } from '../server/node-server.ts';
import { startDeno } from '../test/deno/deno-process.ts';

const ROOT = join(import.meta.dirname, '..');
const MODEL = join(ROOT, 'models/default');
const PHOTO = readFileSync(join(ROOT, 'samples/cat.jpg'));
const SWIFTSHADER = '/usr/lib/chromium/vk_swiftshader_icd.json';

/** Least cosine with onnxruntime-node's float32, of features and of scores; measured 1.000000 and 0.999965. */
const LEAST: Readonly<Record<FloatPrecision, number>> = { fp32: 0.99999, fp16: 0.999 };

const env =
  process.env.VK_ICD_FILENAMES === undefined && existsSync(SWIFTSHADER)
    ? { VK_ICD_FILENAMES: SWIFTSHADER }
    : {};
const PRECISIONS: readonly FloatPrecision[] = ['fp32', 'fp16'];
const wanted = process.argv.slice(2);
const precisions = PRECISIONS.filter((precision) => wanted.length === 0 || wanted.includes(precision));
if (precisions.length < wanted.length) {
  console.error(`Expected ${PRECISIONS.join(' or ')} but found ${wanted.join(' ')}.`);
  process.exit(2);
}

const edge = await reference(MODEL, 'winograd');
const native = await reference(await floatPlace('fp32'), 'onnxruntime-node');
for (const precision of precisions) await check(precision);

async function check(precision: FloatPrecision): Promise<void> {
  const place = await floatPlace(precision);
  const deno = await startDeno([`--float=${place}`, '--software-gpu'], { env });
  try {
    const reason = /"message":"([^"]*)"/.exec(deno.output())?.[1] ?? '';
    console.log(`${precision}: ${reason}`);
    if (/no WebGPU here|no float graphs/.test(reason)) {
      console.warn(`SKIPPED: ${precision} was not checked. It needs a Vulkan device that can run it.`);
      return;
    }
    for (const layer of ['features', 'scores'] as const) {
      const start = performance.now();
      const { engine, vector } = await ask(deno.url, layer);
      const seconds = ((performance.now() - start) / 1000).toFixed(1);
      if (engine !== 'onnxruntime-webgpu')
        throw new Error(`Expected onnxruntime-webgpu but found ${engine}.`);
      const agreement = dot(vector, native[layer]);
      console.log(
        `${precision} ${layer}: cosine ${agreement.toFixed(6)} with onnxruntime-node fp32, ${dot(vector, edge[layer]).toFixed(6)} with winograd; ${seconds} s`,
      );
      if (!(agreement >= LEAST[precision])) {
        throw new Error(`Expected a cosine ≥ ${LEAST[precision]} for ${layer} but found ${agreement}.`);
      }
    }
  } finally {
    await deno.stop();
  }
}

async function floatPlace(precision: FloatPrecision): Promise<string> {
  return (await floatDirectory(MODEL, precision, join(ROOT, '.cache/float'))).directory;
}

/** The vectors of an engine in Node. */
async function reference(model: string, engine: 'winograd' | 'onnxruntime-node') {
  const server = await startNodeServer({
    model,
    engine,
    host: '127.0.0.1',
    port: 0,
    maxBatch: 1,
    grace: 1000,
    variables: {},
    log: () => undefined,
  });
  try {
    const { vector: features } = await ask(server.url, 'features');
    const { vector: scores } = await ask(server.url, 'scores');
    return { features, scores };
  } finally {
    await server.stop();
  }
}

/** A vector of length 1. */
async function ask(url: string, layer: string): Promise<{ engine: string; vector: readonly number[] }> {
  const answer = await fetch(`${url}/v1/embeddings?layer=${layer}&pool=none&normalize=true`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: new Uint8Array(PHOTO),
  });
  if (!answer.ok) throw new Error(`Expected an answer but found ${answer.status}: ${await answer.text()}`);
  const { engine, data } = (await answer.json()) as { engine: string; data: [{ embedding: number[] }] };
  return { engine, vector: data[0].embedding };
}

function dot(a: readonly number[], b: readonly number[]): number {
  return a.reduce((sum, value, index) => sum + value * (b[index] ?? Number.NaN), 0);
}
