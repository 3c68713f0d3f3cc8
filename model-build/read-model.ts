// A model directory → the quantised network in memory, every byte checked against the manifest. What
// export and the float graphs start from.

import { ModelError } from '../core/errors.ts';
import { convolutionShapes, linearShapes } from '../core/family.ts';
import { configurationOf, type Manifest } from '../core/manifest.ts';
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
    return {
      shape,
      weight: tensors.joined(layer.weights, outputs * inputs),
      scale: tensors.float32(`${name}.scale`, outputs),
      bias: bias ? tensors.float32(`${name}.bias`, outputs) : null,
      input: layer.input,
    };
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
  joined(names: readonly string[], count: number): Int8Array {
    const [only] = names;
    if (names.length === 1 && only !== undefined) return this.int8(only, count);
    const all = new Int8Array(count);
    let offset = 0;
    for (const name of names) {
      const size = this.#manifest.tensors[name]?.bytes ?? 0;
      all.set(this.int8(name, size), offset);
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
