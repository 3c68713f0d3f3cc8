// The activations of a network that the quantised one rounds to levels, and what the float graph calls
// them where the next layer reads them.

import type { FloatNetwork } from './network.ts';

export interface Activations {
  /** Per convolution: its output after ReLU and pool. */
  readonly convolutions: readonly string[];
  /** Per linear layer: its input. */
  readonly linears: readonly string[];
}

export function activationNames({ convolutions, linears }: FloatNetwork): Activations {
  let previous = 'features';
  return {
    convolutions: convolutions.map(({ shape: { name, pools } }) =>
      pools === 0 ? `${name}.output` : `${name}.pool${pools}`,
    ),
    linears: linears.map(({ shape: { name } }) => {
      const input = previous;
      previous = name.endsWith('.down') ? `${name}.output` : name.replace('.up', '');
      return input;
    }),
  };
}
