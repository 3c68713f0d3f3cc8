// model.json → a manifest that holds together. What lies beyond it, an engine need not check again: every
// model directory is read through here.

import { InputError } from './errors.ts';
import { type ConvolutionShape, convolutionShapes, linearShapes } from './family.ts';
import {
  configurationOf,
  invalidManifest as invalid,
  largestLevel,
  type Manifest,
  type ManifestLinear,
  type ManifestTensor,
  manifestSchema,
  weightRow,
} from './manifest.ts';
import { tapShapes } from './taps.ts';

const DTYPE_BYTES = { int8: 1, uint8: 1, int32: 4, float32: 4 } as const;

/**
 * Checks everything an engine relies on: the schema, that every tensor lies inside its shard and has the bytes
 * its shape needs, that layers and taps are those of the network, and that each layer has its tensors. Throws
 * ModelError('invalid_manifest') that says where, what was expected and what was found.
 */
export function parseManifest(json: string): Manifest {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw invalid('model.json is not JSON', cause);
  }
  const result = manifestSchema.safeParse(value);
  if (!result.success) {
    const issue = result.error.issues[0];
    throw invalid(`model.json at '${issue?.path.join('.') ?? ''}': ${issue?.message ?? 'unknown'}`);
  }
  const manifest = result.data;
  checkPreprocess(manifest);
  checkShards(manifest);
  checkConvolutions(manifest);
  checkLinears(manifest);
  checkTaps(manifest);
  checkLabels(manifest);
  return manifest;
}

function checkPreprocess({ preprocess: { resize, crop } }: Manifest): void {
  if (crop > resize) throw invalid(`Expected a crop of at most ${resize}, the short side, but found ${crop}`);
}

function checkShards({ tensors, shards }: Manifest): void {
  for (const [name, { dtype, shape, shard: index, offset, bytes }] of Object.entries(tensors)) {
    const expected = shape.reduce((product, side) => product * side, DTYPE_BYTES[dtype]);
    if (bytes !== expected) throw invalid(`Expected ${expected} bytes for tensor ${name} but found ${bytes}`);
    const home = shards[index];
    if (home === undefined || offset + bytes > home.bytes) {
      throw invalid(`Expected tensor ${name} inside shard ${index} but it ends at byte ${offset + bytes}`);
    }
  }
}

function checkConvolutions(manifest: Manifest): void {
  checkLayers('convolution', convolutionsOf(manifest), manifest.convolutions);
  for (const [
    index,
    { name, inputChannels, outputChannels, input, output },
  ] of manifest.convolutions.entries()) {
    if (output.zeroPoint !== 0 || (index > 0 && input.zeroPoint !== 0)) {
      throw invalid(`Expected zero point 0 after the ReLU for ${name} but found another`);
    }
    checkTensor(manifest, `${name}.weight`, 'int8', [outputChannels, inputChannels, 3, 3]);
    checkTensor(manifest, `${name}.scale`, 'float32', [outputChannels]);
    checkTensor(manifest, `${name}.bias`, 'int32', [outputChannels]);
  }
}

function convolutionsOf(manifest: Manifest): ConvolutionShape[] {
  const configuration = configurationOf(manifest);
  try {
    return convolutionShapes(configuration, manifest.preprocess.crop);
  } catch (cause) {
    if (cause instanceof InputError)
      throw invalid(`model.json at 'preprocess.crop': ${cause.message}`, cause);
    throw cause;
  }
}

function checkLinears(manifest: Manifest): void {
  checkLayers('linear layer', linearShapes(configurationOf(manifest)), manifest.linears);
  for (const layer of manifest.linears) {
    const { name, inputs, outputs, bias, weights, weight } = layer;
    checkLevels(layer);
    const row = weightRow(inputs, weight);
    const shapes = weights.map((piece) => manifest.tensors[piece]?.shape ?? []);
    const rows = shapes.reduce((sum, [pieceRows = 0]) => sum + pieceRows, 0);
    if (rows !== outputs || shapes.some(([, ...shape]) => shape.join() !== row.join())) {
      const found = shapes.map((shape) => `[${shape.join(', ')}]`).join(' and ');
      throw invalid(`Expected weights [${[outputs, ...row].join(', ')}] for ${name} but found ${found}`);
    }
    for (const [index, piece] of weights.entries()) {
      checkTensor(manifest, piece, weight === undefined ? 'int8' : 'uint8', shapes[index] ?? []);
    }
    const groups = weight === undefined ? [] : [Math.ceil(inputs / weight.group)];
    checkTensor(manifest, `${name}.scale`, 'float32', [outputs, ...groups]);
    if (bias) checkTensor(manifest, `${name}.bias`, 'float32', [outputs]);
  }
}

function checkLevels({ name, inputs, input: { zeroPoint, lowest, highest } }: ManifestLinear): void {
  const bytes = lowest === 0 && highest === 255;
  const wide = zeroPoint === 0 && lowest === -highest && highest <= largestLevel(inputs);
  if (bytes || wide) return;
  const found = `${lowest}…${highest} around ${zeroPoint}`;
  throw invalid(
    `Expected levels 0…255, or −h…h around 0 with h ≤ ${largestLevel(inputs)}, for ${name} but found ${found}`,
  );
}

/** Each layer is the network's, in its place; what a manifest says of a layer beyond its shape is not looked at. */
function checkLayers<Shape extends object>(
  what: string,
  expected: readonly Shape[],
  found: readonly Shape[],
): void {
  if (found.length !== expected.length) {
    throw invalid(`Expected ${expected.length} ${what}s but found ${found.length}`);
  }
  for (const [index, shape] of expected.entries()) {
    for (const [key, value] of Object.entries(shape)) {
      const given: unknown = Reflect.get(found[index] ?? {}, key);
      if (given !== value)
        throw invalid(`Expected ${key} ${value} for ${what} ${index + 1} but found ${given}`);
    }
  }
}

function checkTensor(
  { tensors }: Manifest,
  name: string,
  dtype: ManifestTensor['dtype'],
  shape: readonly number[],
): void {
  const tensor = Object.hasOwn(tensors, name) ? tensors[name] : undefined;
  const expected = `${dtype} [${shape.join(', ')}]`;
  const found = tensor === undefined ? 'none' : `${tensor.dtype} [${tensor.shape.join(', ')}]`;
  if (found !== expected) throw invalid(`Expected ${expected} for tensor ${name} but found ${found}`);
}

function checkTaps(manifest: Manifest): void {
  const shapes = tapShapes(configurationOf(manifest));
  const names = new Set<string>();
  for (const { name, shape } of manifest.taps) {
    if (names.has(name)) throw invalid(`Expected tap ${name} once but found it twice`);
    names.add(name);
    if (shape.join() !== shapes[name].join()) {
      throw invalid(
        `Expected the shape [${shapes[name].join(', ')}] for tap ${name} but found [${shape.join(', ')}]`,
      );
    }
  }
}

function checkLabels({ labels, classes, network: { outputDim } }: Manifest): void {
  if (labels.length !== 0 && labels.length !== outputDim) {
    throw invalid(`Expected ${outputDim} labels but found ${labels.length}`);
  }
  if (classes !== undefined && classes.length !== labels.length) {
    throw invalid(`Expected ${labels.length} classes but found ${classes.length}`);
  }
}
