// How far quantising moved the weights, tensor by tensor: part of the certificate of a build.

import { sixDigits } from './fidelity.ts';
import { unpackInt4 } from './int4-weights.ts';
import type { FloatNetwork, QuantisedConvolution, QuantisedLinear, QuantisedNetwork } from './network.ts';

/** A type, not an interface: only that goes into the manifest as JSON. */
export type WeightError = {
  readonly tensor: string;
  /** Largest error ÷ the scale of its row or group; 0.5 is the bound of plain rounding. */
  readonly worstSteps: number;
  /** Root mean square error ÷ root mean square weight. */
  readonly relativeRms: number;
};

/** `float` has the layers of `quantised`. */
export function weightErrors(float: FloatNetwork, quantised: QuantisedNetwork): WeightError[] {
  const layers = [
    ...float.convolutions.map((layer, index) => ({ layer, rounded: quantised.convolutions[index] })),
    ...float.linears.map((layer, index) => ({ layer, rounded: quantised.linears[index] })),
  ];
  return layers.flatMap(({ layer, rounded }) => {
    if (rounded === undefined) return [];
    const { valueAt, stepAt } = weightsOf(rounded, layer.weight.length);
    let [worst, errors, squares] = [0, 0, 0];
    layer.weight.forEach((value, index) => {
      const error = value - valueAt(index);
      worst = Math.max(worst, Math.abs(error) / stepAt(index));
      errors += error * error;
      squares += value * value;
    });
    const relativeRms = squares === 0 ? 0 : sixDigits(Math.sqrt(errors / squares));
    return [{ tensor: `${layer.shape.name}.weight`, worstSteps: sixDigits(worst), relativeRms }];
  });
}

/** The real weight and its step, by index in [out, in …]. */
function weightsOf(layer: QuantisedConvolution | QuantisedLinear, count: number) {
  const { scale } = layer;
  if ('group' in layer) {
    const { outputs, inputs } = layer.shape;
    const groups = scale.length / outputs;
    const real = unpackInt4(layer);
    return {
      valueAt: (index: number) => real[index] ?? 0,
      stepAt: (index: number) => {
        const group = Math.floor((index % inputs) / layer.group);
        return Math.abs(scale[Math.floor(index / inputs) * groups + group] ?? 1);
      },
    };
  }
  const { weight } = layer;
  const columns = count / scale.length;
  const stepAt = (index: number) => scale[Math.floor(index / columns)] ?? 1;
  return { valueAt: (index: number) => (weight[index] ?? 0) * stepAt(index), stepAt };
}
