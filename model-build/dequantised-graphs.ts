// The float graphs of a quantised network, for GPUs: what float-directory.ts writes into a folder and
// float-files.ts keeps in memory, for a browser, which has none.

import type { ManifestFloatGraphs } from '../core/manifest.ts';
import { floatBackbone, floatHead } from './float-graph.ts';
import type { NetworkGraphs } from './list-graph-files.ts';
import type { QuantisedNetwork } from './network.ts';
import { dequantise } from './quantise.ts';

export type FloatPrecision = ManifestFloatGraphs['precision'];

/**
 * Of the int8 weights, and every activation ends where its int8 levels end: on rare photographs values leave
 * the range that was calibrated, and there the edge cuts them off.
 */
export function dequantisedGraphs(network: QuantisedNetwork, precision: FloatPrecision): NetworkGraphs {
  const limits = {
    convolutions: network.convolutions.map(({ output }) => output),
    linears: network.linears.map(({ input }) => input),
  };
  const options = { type: precision === 'fp16' ? 'float16' : 'float32', limits } as const;
  const float = dequantise(network);
  return { backbone: floatBackbone(float, options), head: floatHead(float, options) };
}
