// The quantised network → a model directory's files: shards, graphs, and the manifest that lists them.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { MANIFEST_VERSION, type Manifest, type ManifestTensor } from '../core/manifest.ts';
import { PREPROCESS_VERSION } from '../core/preprocess.ts';
import { TAPS, tapShapes } from '../core/taps.ts';
import { INT8_FILES, type WrittenGraphs, writeGraphs } from './graph-files.ts';
import { quantisedHead } from './head-graph.ts';
import { int8Backbone } from './int8-graph.ts';
import type { InputContract, QuantisedNetwork } from './network.ts';
import { TORCHVISION_INPUT } from './network.ts';
import { storedPieces } from './row-pieces.ts';

/** What the network itself does not tell. */
export type ManifestDetails = Pick<
  Manifest,
  | 'name'
  | 'trained'
  | 'labels'
  | 'classes'
  | 'defaultDescriptor'
  | 'calibration'
  | 'fidelity'
  | 'provenance'
  | 'licence'
  | 'floatGraphs'
  | 'headChoice'
>;

/** Writes shards and graphs into an existing directory. */
export function writeWeights(directory: string, network: QuantisedNetwork): Promise<WrittenGraphs> {
  return writeGraphs(
    directory,
    { backbone: int8Backbone(network), head: quantisedHead(network) },
    INT8_FILES,
  );
}

/** Writes model.json: the same manifest gives the same bytes. */
export async function writeManifest(directory: string, manifest: Manifest): Promise<void> {
  await writeFile(join(directory, 'model.json'), `${JSON.stringify(manifest, null, 1)}\n`);
}

export function describeModel(
  network: QuantisedNetwork,
  written: WrittenGraphs,
  details: ManifestDetails,
): Manifest {
  const { configuration, input } = network;
  const shapes = tapShapes(configuration);
  return {
    format: 'vgg-edge-model',
    formatVersion: MANIFEST_VERSION,
    name: details.name,
    trained: details.trained,
    network: { ...configuration, items: [...configuration.items] },
    preprocess: {
      name: contractName(input),
      resize: input.resize,
      crop: input.crop,
      mean: [...input.mean],
      deviation: [...input.deviation],
    },
    taps: TAPS.map((name) => ({ name, shape: [...shapes[name]] })),
    labels: details.labels,
    ...(details.classes === undefined ? {} : { classes: details.classes }),
    ...(details.defaultDescriptor === undefined ? {} : { defaultDescriptor: details.defaultDescriptor }),
    convolutions: network.convolutions.map(({ shape, input: from, output }) => ({
      ...shape,
      input: { scale: from.scale, zeroPoint: from.zeroPoint },
      output: { scale: output.scale, zeroPoint: output.zeroPoint },
    })),
    linears: network.linears.map((linear) => ({
      ...linear.shape,
      input: linear.input,
      weights: storedPieces(linear).map(({ name }) => name),
      ...(linear.format === 'int4' ? { weight: { format: 'int4', group: linear.group } } : {}),
    })),
    tensors: Object.fromEntries(
      [...written.placements].map(([name, { tensor, shard, offset }]): [string, ManifestTensor] => [
        name,
        {
          dtype: manifestType(tensor.type),
          shape: [...tensor.shape],
          shard,
          offset,
          bytes: tensor.bytes.length,
        },
      ]),
    ),
    graphs: written.graphs,
    shards: written.shards,
    floatGraphs: details.floatGraphs,
    ...(details.headChoice === undefined ? {} : { headChoice: details.headChoice }),
    calibration: details.calibration,
    fidelity: details.fidelity,
    provenance: details.provenance,
    licence: details.licence,
  };
}

/** The contract's name says when its sizes or normalisation are not torchvision's. */
function contractName(input: InputContract): string {
  const usual = JSON.stringify(input) === JSON.stringify(TORCHVISION_INPUT);
  if (usual) return PREPROCESS_VERSION;
  const values = [...input.mean, ...input.deviation].map((value) => value.toPrecision(4)).join('-');
  return `pillow-${input.resize}-${input.crop}-${values}@1`;
}

function manifestType(type: string): ManifestTensor['dtype'] {
  if (type === 'int8' || type === 'uint8' || type === 'int32' || type === 'float32') return type;
  throw new TypeError(
    `Expected int8, uint8, int32 or float32 tensors in a quantised model but found ${type}.`,
  );
}
