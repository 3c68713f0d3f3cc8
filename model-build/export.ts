// A network → float weights in torchvision's names, as .safetensors: for fine-tuning in PyTorch.

import type { FloatNetwork } from './network.ts';
import { type NamedValues, writeSafetensors } from './write-safetensors.ts';

/**
 * torchvision's state dict of the member without batch norm: it is folded into the convolutions, and an
 * identity in its place would change the network as soon as it is trained. A factorised layer is a pair,
 * `classifier.0.0.weight`, `classifier.0.1.weight` and `.bias`.
 */
function torchvisionTensors({ configuration, convolutions, linears }: FloatNetwork): NamedValues[] {
  const positions = convolutionPositions(configuration.items);
  const ofConvolutions = convolutions.flatMap(({ shape, weight, bias }, index): NamedValues[] => {
    const name = `features.${positions[index]}`;
    const { inputChannels, outputChannels } = shape;
    return [
      { name: `${name}.weight`, shape: [outputChannels, inputChannels, 3, 3], values: weight },
      { name: `${name}.bias`, shape: [outputChannels], values: bias },
    ];
  });
  const ofLinears = linears.flatMap(({ shape, weight, bias }): NamedValues[] => {
    const name = LINEAR_NAMES[shape.name] ?? shape.name;
    const matrix = { name: `${name}.weight`, shape: [shape.outputs, shape.inputs], values: weight };
    return bias === null
      ? [matrix]
      : [matrix, { name: `${name}.bias`, shape: [shape.outputs], values: bias }];
  });
  return [...ofConvolutions, ...ofLinears];
}

const LINEAR_NAMES: Readonly<Record<string, string>> = {
  fc6: 'classifier.0',
  'fc6.down': 'classifier.0.0',
  'fc6.up': 'classifier.0.1',
  fc7: 'classifier.3',
  'fc7.down': 'classifier.3.0',
  'fc7.up': 'classifier.3.1',
  fc8: 'classifier.6',
};

/** Positions in torchvision's `features`: a convolution is followed by a ReLU, a pool stands alone. */
function convolutionPositions(items: FloatNetwork['configuration']['items']): number[] {
  const positions: number[] = [];
  let next = 0;
  for (const item of items) {
    if (item !== 'M') positions.push(next);
    next += item === 'M' ? 1 : 2;
  }
  return positions;
}

/** Writes the file whole or not at all. */
export async function exportSafetensors(
  network: FloatNetwork,
  path: string,
  metadata: Readonly<Record<string, string>>,
): Promise<void> {
  await writeSafetensors(path, torchvisionTensors(network), metadata);
}
