// A model directory → the quantised network in memory, every byte checked against the manifest. What
// export and the float graphs start from.

import { ModelError } from '../core/errors.ts';
import { convolutionShapes, linearShapes } from '../core/family.ts';
import { configurationOf, type Manifest, weightRow } from '../core/manifest.ts';
import type { ModelFiles } from '../core/ports.ts';
import { readManifest, readModelFile } from '../engine/model-file.ts';
import type { Levels, QuantisedConvolution, QuantisedLinear, QuantisedNetwork } from './network.ts';

export interface ModelDirectory {
  readonly manifest: Manifest;
  readonly id: string;
  readonly network: QuantisedNetwork;
}

/** Throws ModelError where the directory is damaged or no network, SourceError where it cannot be read. */
export async function readModel(files: ModelFiles): Promise<ModelDirectory> {
  const { manifest, id } = await readManifest(files);
  const shards: Uint8Array<ArrayBuffer>[] = [];
  for (const shard of manifest.shards) shards.push(await readModelFile(files, shard));
  const tensors = new TensorReader(manifest, shards);
  const configuration = configurationOf(manifest);
  const { resize, crop, mean, deviation } = manifest.preprocess;
  const convolutions = convolutionShapes(configuration, crop).map((shape): QuantisedConvolution => {
    const { name, inputChannels, outputChannels } = shape;
    const layer = manifest.convolutions.find((candidate) => candidate.name === name);
    if (layer === undefined) throw missing(`convolution ${name}`);
    return {
      shape,
      weight: tensors.int8(`${name}.weight`, outputChannels * inputChannels * 9),
      scale: tensors.float32(`${name}.scale`, outputChannels),
      bias: tensors.int32(`${name}.bias`, outputChannels),
      input: byteRange(layer.input),
      output: byteRange(layer.output),
    };
  });
  const linears = linearShapes(configuration).map((shape): QuantisedLinear => {
    const { name, inputs, outputs, bias } = shape;
    const layer = manifest.linears.find((candidate) => candidate.name === name);
    if (layer === undefined) throw missing(`linear layer ${name}`);
    const biases = bias ? tensors.float32(`${name}.bias`, outputs) : null;
    const row = weightRow(inputs, layer.weight).reduce((product, side) => product * side, 1);
    if (layer.weight === undefined) {
      const bytes = tensors.joined(layer.weights, 'int8', outputs * row);
      const weight = new Int8Array(bytes.buffer, bytes.byteOffset, bytes.length);
      const scale = tensors.float32(`${name}.scale`, outputs);
      return { format: 'int8', shape, weight, scale, bias: biases, input: layer.input };
    }
    const { format, group } = layer.weight;
    const weight = tensors.joined(layer.weights, 'uint8', outputs * row);
    const scale = tensors.float32(`${name}.scale`, outputs * Math.ceil(inputs / group));
    return { format, shape, group, weight, scale, bias: biases, input: layer.input };
  });
  return {
    manifest,
    id,
    network: { configuration, input: { resize, crop, mean, deviation }, convolutions, linears },
  };
}

function byteRange({ scale, zeroPoint }: { scale: number; zeroPoint: number }): Levels {
  return { scale, zeroPoint, lowest: 0, highest: 255 };
}

/** Views of tensors in the shards; the manifest's ranges have been checked, types and sizes are here. */
class TensorReader {
  readonly #manifest: Manifest;
  readonly #shards: readonly Uint8Array<ArrayBuffer>[];

  constructor(manifest: Manifest, shards: readonly Uint8Array<ArrayBuffer>[]) {
    this.#manifest = manifest;
    this.#shards = shards;
  }

  int8(name: string, count: number): Int8Array {
    const { buffer, byteOffset } = this.#bytes(name, 'int8', count);
    return new Int8Array(buffer, byteOffset, count);
  }

  int32(name: string, count: number): Int32Array {
    const { buffer, byteOffset } = this.#bytes(name, 'int32', count);
    return new Int32Array(buffer, byteOffset, count);
  }

  float32(name: string, count: number): Float32Array {
    const { buffer, byteOffset } = this.#bytes(name, 'float32', count);
    return new Float32Array(buffer, byteOffset, count);
  }

  /** Pieces of whole rows, one below the other. */
  joined(names: readonly string[], dtype: 'int8' | 'uint8', count: number): Uint8Array<ArrayBuffer> {
    const [only] = names;
    if (names.length === 1 && only !== undefined) return this.#bytes(only, dtype, count);
    const all = new Uint8Array(count);
    let offset = 0;
    for (const name of names) {
      const size = this.#manifest.tensors[name]?.bytes ?? 0;
      all.set(this.#bytes(name, dtype, size), offset);
      offset += size;
    }
    return all;
  }

  #bytes(name: string, dtype: string, count: number): Uint8Array<ArrayBuffer> {
    const tensor = this.#manifest.tensors[name];
    const shard = tensor === undefined ? undefined : this.#shards[tensor.shard];
    if (tensor === undefined || shard === undefined) throw missing(`tensor ${name}`);
    const found = tensor.shape.reduce((product, side) => product * side, 1);
    if (tensor.dtype !== dtype || found !== count) {
      throw new ModelError(
        'invalid_manifest',
        `Expected ${count} values of ${dtype} for tensor ${name} but found ${found} of ${tensor.dtype}.`,
      );
    }
    return shard.subarray(tensor.offset, tensor.offset + tensor.bytes);
  }
}

function missing(what: string): ModelError {
  return new ModelError('invalid_manifest', `Expected ${what} in model.json but found none. Build it again.`);
}
