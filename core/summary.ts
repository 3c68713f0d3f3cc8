// The layer table of a network as model summaries print it, computed from the row (core/family.ts).

import {
  convolutionShapes,
  featureChannels,
  linearShapes,
  POOLED_SIDE,
  type VggConfiguration,
} from './family.ts';

export interface SummaryRow {
  /** PyTorch's class name of the layer. */
  readonly layer: string;
  /** The project's name of the tensor-bearing layers: `conv1`, `fc6`, …; empty for the others. */
  readonly name: string;
  /** Without the batch dimension. */
  readonly outputShape: readonly number[];
  readonly parameters: number;
  /** Multiply-accumulates for one image; convolutions and linear layers only, as is usual. */
  readonly macs: number;
}

export interface Summary {
  readonly rows: readonly SummaryRow[];
  readonly parameters: number;
  readonly macs: number;
  /** Bytes of the parameters as float32. */
  readonly bytes: number;
}

/** Throws InputError when the input does not survive the pools. */
export function summarise(configuration: VggConfiguration, inputSize = 224): Summary {
  const rows: SummaryRow[] = [...featureRows(configuration, inputSize), ...classifierRows(configuration)];
  const parameters = rows.reduce((sum, row) => sum + row.parameters, 0);
  return { rows, parameters, macs: rows.reduce((sum, row) => sum + row.macs, 0), bytes: parameters * 4 };
}

function* featureRows(configuration: VggConfiguration, inputSize: number): Generator<SummaryRow> {
  for (const convolution of convolutionShapes(configuration, inputSize)) {
    const { name, inputChannels, outputChannels: channels } = convolution;
    const weights = channels * inputChannels * 9;
    let size = convolution.size;
    const shape = [channels, size, size];
    const macs = weights * size * size;
    yield { layer: 'Conv2d', name, outputShape: shape, parameters: weights + channels, macs };
    if (configuration.batchNorm) yield plain('BatchNorm2d', shape, 2 * channels);
    yield plain('ReLU', shape);
    for (let pool = 0; pool < convolution.pools; pool += 1) {
      size = Math.floor(size / 2);
      yield plain('MaxPool2d', [channels, size, size]);
    }
  }
  yield plain('AdaptiveAvgPool2d', [featureChannels(configuration), POOLED_SIDE, POOLED_SIDE]);
}

function* classifierRows(configuration: VggConfiguration): Generator<SummaryRow> {
  for (const { name, inputs, outputs, bias, relu } of linearShapes(configuration)) {
    const macs = inputs * outputs;
    yield {
      layer: 'Linear',
      name,
      outputShape: [outputs],
      parameters: macs + (bias ? outputs : 0),
      macs,
    };
    if (relu) {
      yield plain('ReLU', [outputs]);
      yield plain('Dropout', [outputs]);
    }
  }
}

function plain(layer: string, outputShape: readonly number[], parameters = 0): SummaryRow {
  return { layer, name: '', outputShape, parameters, macs: 0 };
}
