// A manifest of a network with a 2-channel map, as eval reads it.

import type { Manifest } from '../../core/manifest.ts';

export function testManifest(labels: readonly string[]): Manifest {
  const activation = { scale: 0.5, zeroPoint: 0 };
  return {
    format: 'vgg-edge-model',
    formatVersion: 1,
    name: 'small',
    trained: true,
    network: {
      name: 'custom',
      items: [2, 'M'],
      batchNorm: false,
      hiddenDim: 4,
      outputDim: labels.length,
      ranks: { fc6: null, fc7: null },
    },
    preprocess: {
      name: 'torchvision-256-224@1',
      resize: 256,
      crop: 224,
      mean: [0.5, 0.5, 0.5],
      deviation: [0.2, 0.2, 0.2],
    },
    taps: [
      { name: 'features', shape: [2, 7, 7] },
      { name: 'scores', shape: [labels.length] },
    ],
    labels: [...labels],
    convolutions: [
      {
        name: 'conv1',
        inputChannels: 3,
        outputChannels: 2,
        size: 224,
        pools: 1,
        input: activation,
        output: activation,
      },
    ],
    linears: [],
    tensors: {},
    graphs: [],
    shards: [],
    floatGraphs: [],
    calibration: {},
    fidelity: {},
    provenance: {},
    licence: 'none',
  };
}
