// Who runs the same convolutions: our engine and its rivals, each on one thread in its best setting.

import { readFileSync } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { setWasmPaths } from '@tensorflow/tfjs-backend-wasm';
import * as tf from '@tensorflow/tfjs-core';
import * as ort from 'onnxruntime-web/wasm';
import type { ImageBatch } from '../core/ports.ts';
import { readManifest } from '../engine/model-file.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { openGraphSession } from '../engine/node/graph-session.ts';
import { createWinogradEngine } from '../engine/winograd/engine.ts';
import type { FloatNetwork } from '../model-build/network.ts';

/** Something that turns a batch into `features`, and says what memory it holds. */
export interface Rival {
  readonly name: string;
  run(): Promise<Float32Array>;
  /** Bytes of WebAssembly memory, where the runtime tells. */
  memoryBytes(): number | undefined;
}

/** The files of one precision in a model directory. */
export interface GraphFiles {
  readonly directory: string;
  /** File names. */
  readonly graph: string;
  readonly shards: readonly string[];
}

interface OurOptions {
  readonly imagesPerPass?: number;
}

/** Our engine. `name` says what differs. */
export async function ours(
  name: string,
  directory: string,
  batch: ImageBatch,
  options: OurOptions = {},
): Promise<Rival> {
  const files = diskFiles(directory);
  const { manifest } = await readManifest(files);
  const path = join(import.meta.dirname, '../engine/winograd/kernel.wasm');
  const kernel = new WebAssembly.Module(readFileSync(path));
  const engine = createWinogradEngine({
    ...{ manifest, files, kernel, now: () => performance.now() },
    ...options,
  });
  const run = async () => (await engine.run(batch, ['features'])).outputs.features ?? new Float32Array();
  return { name, run, memoryBytes: () => engine.memoryBytes() };
}

/** onnxruntime-web: all graph optimisations, weights packed beforehand, memory patterns and arena on. */
export async function onnxruntimeWeb(name: string, files: GraphFiles, batch: ImageBatch): Promise<Rival> {
  const wasm = fileURLToPath(import.meta.resolve('onnxruntime-web/ort-wasm-simd-threaded.wasm'));
  ort.env.wasm.wasmBinary = new Uint8Array(await readFile(wasm)).buffer;
  ort.env.wasm.numThreads = 1;
  const externalData = await Promise.all(
    files.shards.map(async (file) => ({
      path: file,
      data: new Uint8Array(await readFile(join(files.directory, file))),
    })),
  );
  const graph = new Uint8Array(await readFile(join(files.directory, files.graph)));
  const session = await ort.InferenceSession.create(graph, {
    executionProviders: ['wasm'],
    graphOptimizationLevel: 'all',
    externalData,
    logSeverityLevel: 3,
  });
  const { images, size, data } = batch;
  const run = async () => {
    const pixels = new ort.Tensor('uint8', data, [images, size, size, 3]);
    const { features } = await session.run({ pixels });
    const values = features?.data;
    if (!(values instanceof Float32Array)) throw new TypeError('onnxruntime-web gave no features.');
    return values;
  };
  return { name, run, memoryBytes: () => undefined };
}

export async function onnxruntimeNode(name: string, files: GraphFiles, batch: ImageBatch): Promise<Rival> {
  const session = await openGraphSession(join(files.directory, files.graph), { threads: 1 });
  const { images, size, data } = batch;
  const run = async () => {
    const { features } = await session.run({ pixels: { data, shape: [images, size, size, 3] } }, [
      'features',
    ]);
    if (!(features?.data instanceof Float32Array)) throw new TypeError('onnxruntime-node gave no features.');
    return features.data;
  };
  return { name, run, memoryBytes: () => undefined };
}

/** TensorFlow.js on its WASM backend with SIMD: convolution, bias and ReLU fused, channels last. */
export async function tfjsWasm(name: string, network: FloatNetwork, batch: ImageBatch): Promise<Rival> {
  const main = fileURLToPath(import.meta.resolve('@tensorflow/tfjs-backend-wasm'));
  setWasmPaths(`${dirname(main)}/`);
  tf.env().set('WASM_HAS_MULTITHREAD_SUPPORT', false);
  await tf.setBackend('wasm');
  const layers = network.convolutions.map(({ shape, weight, bias }) => {
    const { inputChannels, outputChannels, pools } = shape;
    const filter = tf.transpose(tf.tensor4d(weight, [outputChannels, inputChannels, 3, 3]), [2, 3, 1, 0]);
    return { filter, bias: tf.tensor1d(bias), pools };
  });
  const { images, size, data } = batch;
  const { mean, deviation } = network.input;
  const run = async () => {
    const features = tf.tidy(() => {
      const pixels = tf.tensor4d(Float32Array.from(data), [images, size, size, 3]);
      let x = tf.div<tf.Tensor4D>(
        tf.sub(tf.div(pixels, 255), tf.tensor1d([...mean])),
        tf.tensor1d([...deviation]),
      );
      for (const { filter, bias, pools } of layers) {
        x = tf.fused.conv2d({ x, filter, bias, strides: 1, pad: 'same', activation: 'relu' });
        for (let pool = 0; pool < pools; pool += 1) x = tf.maxPool(x, 2, 2, 'valid');
      }
      return tf.transpose(x, [0, 3, 1, 2]);
    });
    const values = await features.data<'float32'>();
    features.dispose();
    return values;
  };
  return { name, run, memoryBytes: () => undefined };
}
