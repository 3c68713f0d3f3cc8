// The app over an engine whose arithmetic is known: the mean colour of an image's pixels, everywhere. So the
// HTTP contract is tested in full without a network's weights.

import { createEmbedder } from '../../core/embedder.ts';
import { SourceError } from '../../core/errors.ts';
import type { Manifest } from '../../core/manifest.ts';
import type { Engine, ImageDecoder, ModelFiles } from '../../core/ports.ts';
import type { Tap } from '../../core/taps.ts';
import { openProjections } from '../../engine/model-projections.ts';
import { createAdmission } from '../../worker/admission.ts';
import { sha256Hex } from '../../worker/answer-cache.ts';
import { createApp } from '../../worker/app.ts';
import type { AppDependencies } from '../../worker/dependencies.ts';
import { type Limits, readLimits } from '../../worker/limits.ts';

export const MODEL_ID = 'known@0123456789ab';
const CHANNELS = 4;
const CLASSES = 3;

export const TAP_SHAPES: Readonly<Record<Tap, readonly number[]>> = {
  features: [CHANNELS, 7, 7],
  fc6: [8],
  fc7: [8],
  scores: [CLASSES],
};

/** The parts of a manifest that the HTTP API looks at. */
const manifest: Manifest = {
  format: 'vgg-edge-model',
  formatVersion: 1,
  name: 'known',
  trained: false,
  network: {
    name: 'custom',
    items: [CHANNELS, 'M'],
    batchNorm: false,
    hiddenDim: 8,
    outputDim: CLASSES,
    ranks: { fc6: null, fc7: null },
  },
  preprocess: {
    name: 'torchvision-256-224@1',
    resize: 256,
    crop: 224,
    mean: [0.485, 0.456, 0.406],
    deviation: [0.229, 0.224, 0.225],
  },
  taps: Object.entries(TAP_SHAPES).map(([name, shape]) => ({ name: name as Tap, shape: [...shape] })),
  labels: ['red', 'green', 'blue'],
  convolutions: [],
  linears: [],
  tensors: {},
  graphs: [],
  floatGraphs: [],
  shards: [],
  calibration: {},
  fidelity: {},
  provenance: {},
  licence: 'Apache-2.0',
};

/** Value i of a tap is (i + 1) × the mean of colour i mod 3; `scores` are the means. */
export function knownEngine(onRun: (images: number) => void | Promise<void> = () => undefined): Engine {
  return {
    name: 'known',
    precision: 'fp32',
    async run({ images, size, data }, taps) {
      await onRun(images);
      const pixels = size * size;
      const outputs: Partial<Record<Tap, Float32Array>> = {};
      for (const tap of taps) {
        const width = TAP_SHAPES[tap].reduce((product, side) => product * side, 1);
        outputs[tap] = new Float32Array(images * width);
      }
      for (let image = 0; image < images; image += 1) {
        const means = [0, 0, 0];
        for (let at = 0; at < pixels * 3; at += 1) {
          means[at % 3] = (means[at % 3] ?? 0) + (data[image * pixels * 3 + at] ?? 0) / pixels / 255;
        }
        for (const [tap, values] of Object.entries(outputs)) {
          const width = values.length / images;
          for (let index = 0; index < width; index += 1) {
            values[image * width + index] = (means[index % 3] ?? 0) * (tap === 'scores' ? 10 : index + 1);
          }
        }
      }
      return { outputs, times: { backbone: 1, head: taps.some((tap) => tap !== 'features') ? 1 : 0 } };
    },
    memoryBytes: () => 1000,
    dispose: async () => undefined,
  };
}

/** A model directory held in memory. */
export function filesOf(contents: Readonly<Record<string, Uint8Array | string>>): ModelFiles {
  return {
    async open(file) {
      const content = contents[file];
      if (content === undefined) throw new SourceError('missing_file', `There is no ${file}.`);
      const bytes = typeof content === 'string' ? new TextEncoder().encode(content) : content;
      return (async function* () {
        yield bytes;
      })();
    },
    sha256() {
      let content = new Uint8Array(0);
      return {
        update(bytes) {
          content = new Uint8Array([...content, ...bytes]);
        },
        hex: () => sha256Hex(content),
      };
    },
  };
}

export interface FixtureOptions {
  readonly dependencies?: Partial<AppDependencies>;
  readonly limits?: Partial<Limits>;
  readonly engine?: Engine;
  readonly files?: ModelFiles;
}

export async function createFixture(decoder: ImageDecoder, options: FixtureOptions = {}) {
  const limits = { ...readLimits({}), ...options.limits };
  const engine = options.engine ?? knownEngine();
  const now = () => performance.now();
  const reported: unknown[] = [];
  const embedder = createEmbedder({
    decoder,
    engine,
    sizes: manifest.preprocess,
    limits: { maxBytes: limits.maxImageBytes, maxPixels: limits.maxImagePixels },
    batchSize: 1,
    now,
  });
  const projections = openProjections(options.files ?? filesOf({}), MODEL_ID);
  const app = createApp({
    model: async () => ({
      id: MODEL_ID,
      manifest,
      engine,
      embedder,
      projections,
      peakMemoryBytes: engine.memoryBytes,
    }),
    limits,
    admission: createAdmission(limits),
    now,
    report: (error) => reported.push(error),
    ...options.dependencies,
  });
  return { app, reported };
}
