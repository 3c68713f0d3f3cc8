// The convolutions of a family member with seeded weights, as model directories: int8, and the same
// dequantised to fp32. The classifier is kept small.

import { mkdir } from 'node:fs/promises';
import { familyMember } from '../core/family.ts';
import { floatBackbone, floatHead } from '../model-build/float-graph.ts';
import { writeGraphs } from '../model-build/graph-files.ts';
import { kaimingNetwork } from '../model-build/init.ts';
import {
  type FloatNetwork,
  type Levels,
  type QuantisedNetwork,
  TORCHVISION_INPUT,
} from '../model-build/network.ts';
import { dequantise, quantiseNetwork } from '../model-build/quantise.ts';
import { describeModel, writeManifest, writeWeights } from '../model-build/write-model.ts';

/** Ranges that Kaiming's weights are about to fill; speed does not depend on them. */
export function seededNetwork(name: string): QuantisedNetwork {
  const float = kaimingNetwork(familyMember(name, { hiddenDim: 8, outputDim: 8 }), TORCHVISION_INPUT, 1);
  return quantiseNetwork(float, {
    pixels: bytes(0.0187, 114),
    convolutions: float.convolutions.map(() => bytes(0.03, 0)),
    linears: float.linears.map(() => bytes(0.03, 0)),
  });
}

function bytes(scale: number, zeroPoint: number): Levels {
  return { scale: Math.fround(scale), zeroPoint, lowest: 0, highest: 255 };
}

/** Makes the directory. */
export async function writeInt8(network: QuantisedNetwork, directory: string): Promise<void> {
  await mkdir(directory);
  const written = await writeWeights(directory, network);
  const { name } = network.configuration;
  const details = { name, trained: false, labels: [], licence: 'none', floatGraphs: [] };
  const records = { calibration: {}, fidelity: {}, provenance: {} };
  await writeManifest(directory, describeModel(network, written, { ...details, ...records }));
}

/** Makes the directory, with graphs and weights but no manifest. Returns the network they stand for. */
export async function writeFp32(network: QuantisedNetwork, directory: string): Promise<FloatNetwork> {
  await mkdir(directory);
  const float = dequantise(network);
  const graphs = {
    backbone: floatBackbone(float, { type: 'float32' }),
    head: floatHead(float, { type: 'float32' }),
  };
  await writeGraphs(directory, graphs, { shards: 'weights', graphs: '.onnx' });
  return float;
}
