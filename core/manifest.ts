// The manifest, model.json: what a model directory holds and what it is worth. Written by model-build,
// read (and distrusted) by every engine. docs/model-format.md describes it for people.

import * as z from 'zod';
import { POOLS } from './descriptors.ts';
import { InputError, ModelError } from './errors.ts';
import { customConfiguration, type VggConfiguration } from './family.ts';
import { TAPS } from './taps.ts';

/** Raised when a reader of the older version would misread the directory. */
export const MANIFEST_VERSION = 1;

/** A static asset of the edge platform may have 25 MiB; shards stay well below. */
export const MAX_SHARD_BYTES = 20 * 1024 * 1024;

const count = z.int().min(0);
const size = z.int().min(1);
const scale = z.number().positive().finite();
const sha256 = z.string().regex(/^[0-9a-f]{64}$/);
/** A plain file name: it cannot leave the directory. */
const fileName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/);

/** Largest level of an activation: 256 × 127 + 127, two signed digits of 8 bits. */
const MAX_LEVEL = 32_639;

/** Weights are −127…127. */
const MAX_WEIGHT = 127;

/**
 * The largest level with which a product of `inputs` int8 weights and levels cannot leave int32, at most
 * MAX_LEVEL.
 */
export function largestLevel(inputs: number): number {
  return Math.min(Math.floor((2 ** 31 - 1) / (MAX_WEIGHT * inputs)), MAX_LEVEL);
}

/** Where a tensor's bytes lie: little-endian, row-major, contiguous. */
const tensor = z.strictObject({
  dtype: z.enum(['int8', 'uint8', 'int32', 'float32']),
  shape: z.array(size).min(1).max(4),
  /** Index into `shards`. */
  shard: count,
  /** Bytes from the shard's start, a multiple of 64. */
  offset: count.multipleOf(64),
  bytes: size,
});

/** The head's shards hold no byte of the backbone: a features request never loads them. */
const part = z.enum(['backbone', 'head']);

const shard = z.strictObject({
  file: fileName,
  part,
  bytes: size.max(MAX_SHARD_BYTES),
  sha256,
});

const graph = z.strictObject({
  file: fileName,
  part,
  bytes: size.max(MAX_SHARD_BYTES),
  sha256,
});

/** uint8 activations: real value = scale × (q − zeroPoint). */
const activation = z.strictObject({ scale, zeroPoint: z.int().min(0).max(255) });

/**
 * A convolution: tensors `<name>.weight` int8 [out, in, 3, 3], `<name>.scale` float32 [out] (weight
 * scales), `<name>.bias` int32 [out] (in units of input scale × weight scale). ReLU is the clamp of the
 * output, whose zero point is 0.
 */
const convolution = z.strictObject({
  name: z.string(),
  inputChannels: size,
  outputChannels: size,
  /** Side of the square input map. */
  size,
  pools: count,
  input: activation,
  output: activation,
});

/**
 * Levels of a linear layer's input: real value = scale × (q − zeroPoint), q rounded half to even and kept in
 * lowest…highest. Either 8 bits, 0…255; or up to 16 bits, zero point 0 and −h…h, for the signed inputs of a
 * factorised layer's second factor, whose rounding costs most.
 */
const levels = z.strictObject({
  scale,
  zeroPoint: z.int().min(0).max(255),
  lowest: z.int().min(-MAX_LEVEL).max(0),
  highest: z.int().min(255).max(MAX_LEVEL),
});

/** Inputs of 4-bit weights that share a scale. */
export const INT4_GROUPS = [32, 64, 128] as const;
export type Int4Group = (typeof INT4_GROUPS)[number];

/**
 * 4-bit weights, two to a byte, the even input in the low nibble: weight = scale × (nibble − 8), scales of either
 * sign. Inputs are divided into groups, each row's group with a scale of its own; the last is padded.
 */
const int4 = z.strictObject({
  format: z.literal('int4'),
  /** Inputs per scale. */
  group: z.literal(INT4_GROUPS),
});

/**
 * A linear layer: the tensors `weights`, int8, one below the other [out, in]; `<name>.scale` float32 [out];
 * `<name>.bias` float32 [out] where `bias`. Its float32 input is quantised with `input` before the integer
 * product. As int4: `weights` are uint8 [out, groups, group ÷ 2] and `<name>.scale` is [out, groups].
 */
const linear = z.strictObject({
  name: z.string(),
  inputs: size,
  outputs: size,
  bias: z.boolean(),
  relu: z.boolean(),
  input: levels,
  /** `<name>.weight`; in pieces of whole rows, `<name>.weight.1` …, where one shard cannot hold it. */
  weights: z.array(z.string()).min(1),
  /** int8 with a scale per row where absent. */
  weight: int4.optional(),
});

/** Graphs for GPUs, of the int8 weights dequantised; their shards are their own. */
const floatGraphs = z.strictObject({
  precision: z.enum(['fp16', 'fp32']),
  graphs: z.array(graph).min(1),
  shards: z.array(shard).min(1),
});

const labelledClass = z.strictObject({
  /** Of the data set, `n02123045` in WordNet. */
  id: z.string().min(1).max(128),
  /**
   * What taught the network this class: photographs with their labels, or only the probabilities that a
   * teacher network gave to photographs of other things.
   */
  trainedWith: z.enum(['labels', 'teacher']),
});

const descriptor = z
  .strictObject({ layer: z.enum(TAPS), pool: z.enum(POOLS) })
  .refine(({ layer, pool }) => layer === 'features' || pool === 'none', 'only features has a map to pool');

/** Cosines with float32's outputs: their mean, a value of −1 … 1. */
const meanCosine = z.number().min(-1).max(1);
const share = z.number().min(0).max(1);

/** One way to store the classifier, as `build --memory` measured it. */
const headCandidate = z.strictObject({
  name: z.string(),
  taken: z.boolean(),
  /** Of the head's tensors. */
  weightBytes: size,
  /** WebAssembly memory of our engine with backbone and this head. */
  wasmBytes: size,
  /** That and what is reserved: this must not be more than the limit. */
  isolateBytes: size,
  /** Against the float32 network from the same pixels. */
  cosine: z.strictObject({ fc6: meanCosine, fc7: meanCosine, scores: meanCosine }),
  top1Agreement: share,
  /** KL divergence of the probabilities, nats. */
  divergence: z.number(),
  /** Of the 10 nearest images by fc6. */
  neighbourOverlap10: share,
  /** Against the float32 head from the same int8 features: what the head alone costs. */
  headTop1Agreement: share,
});

/** What was tried to fit the classifier into a memory. */
const headChoice = z.strictObject({
  limitBytes: size,
  /** Kept free beside the WebAssembly memory of the model: docs/model-format.md says what for. */
  reserved: z.strictObject({ decoderBytes: count, scriptBytes: count }),
  /** WebAssembly memory of our engine for features alone. */
  backboneBytes: size,
  /** Images not calibrated with, on which the figures stand. */
  images: size,
  candidates: z.array(headCandidate).min(1),
});

/** Shapes and ranges of each part alone; core/parse-manifest.ts checks that they fit together. */
export const manifestSchema = z.strictObject({
  format: z.literal('vgg-edge-model'),
  formatVersion: z.literal(MANIFEST_VERSION),
  name: z.string().regex(/^[a-z0-9][a-z0-9._-]{0,63}$/),
  /** False for seeded random weights: answers then say `untrained`. */
  trained: z.boolean(),
  network: z.strictObject({
    name: z.string(),
    items: z
      .array(z.union([size, z.literal('M')]))
      .min(1)
      .max(64),
    batchNorm: z.boolean(),
    hiddenDim: size,
    outputDim: size,
    ranks: z.strictObject({ fc6: size.nullable(), fc7: size.nullable() }),
  }),
  preprocess: z.strictObject({
    /** Names the contract; vectors of different contracts never mix. */
    name: z.string(),
    resize: size,
    crop: size,
    /** Per channel R, G, B, of values in 0…1. */
    mean: z.tuple([z.number(), z.number(), z.number()]),
    deviation: z.tuple([scale, scale, scale]),
  }),
  taps: z.array(z.strictObject({ name: z.enum(TAPS), shape: z.array(size).min(1).max(3) })).min(1),
  /** One per class, in order of the scores; empty when unknown. */
  labels: z.array(z.string()),
  /** One per label, where more than its name is known. */
  classes: z.array(labelledClass).optional(),
  /** What search stores by default: chosen by measurement, docs/retrieval.md. */
  defaultDescriptor: descriptor.optional(),
  convolutions: z.array(convolution).min(1),
  linears: z.array(linear).min(3),
  tensors: z.record(z.string(), tensor),
  graphs: z.array(graph),
  shards: z.array(shard).min(1),
  floatGraphs: z.array(floatGraphs),
  /** Where the model was built to fit a memory. */
  headChoice: headChoice.optional(),
  /** What was measured when the model was built; each figure with its meaning in docs/model-format.md. */
  calibration: z.record(z.string(), z.json()),
  fidelity: z.record(z.string(), z.json()),
  provenance: z.record(z.string(), z.json()),
  licence: z.string(),
});

export type Manifest = z.infer<typeof manifestSchema>;
export type ManifestClass = z.infer<typeof labelledClass>;
export type ManifestTensor = z.infer<typeof tensor>;
export type ManifestShard = z.infer<typeof shard>;
export type ManifestGraph = z.infer<typeof graph>;
export type ManifestConvolution = z.infer<typeof convolution>;
export type ManifestLinear = z.infer<typeof linear>;
export type ManifestFloatGraphs = z.infer<typeof floatGraphs>;
export type HeadCandidate = z.infer<typeof headCandidate>;
export type HeadChoice = z.infer<typeof headChoice>;
export type ModelPart = z.infer<typeof part>;

/** Shape of a row of a linear layer's stored weights. */
export function weightRow(inputs: number, weight: { readonly group: Int4Group } | undefined): number[] {
  return weight === undefined ? [inputs] : [Math.ceil(inputs / weight.group), weight.group / 2];
}

/** The network of a manifest as a configuration of core/family.ts. */
export function configurationOf(manifest: Manifest): VggConfiguration {
  const { items, batchNorm, hiddenDim, outputDim, ranks } = manifest.network;
  try {
    return customConfiguration(items, batchNorm, {
      hiddenDim,
      outputDim,
      fc6Rank: ranks.fc6,
      fc7Rank: ranks.fc7,
    });
  } catch (cause) {
    if (cause instanceof InputError)
      throw invalidManifest(`model.json at 'network': ${cause.message}`, cause);
    throw cause;
  }
}

/**
 * Identity of a model: `name@` and the first 12 hex digits of the SHA-256 of model.json's bytes. Every
 * answer, file and index carries it.
 */
export function modelId(name: string, manifestSha256: string): string {
  return `${name}@${manifestSha256.slice(0, 12)}`;
}

/** Shard file name, counted from 1: `weights-00001-of-00002.bin`. */
export function shardFileName(index: number, shards: number, prefix = 'weights'): string {
  const digits = (value: number) => String(value).padStart(5, '0');
  return `${prefix}-${digits(index)}-of-${digits(shards)}.bin`;
}

/** `message` without its full stop. */
export function invalidManifest(message: string, cause?: unknown): ModelError {
  return new ModelError('invalid_manifest', `${message}. Build the model directory again.`, { cause });
}
