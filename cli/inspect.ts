// vgg-edge inspect: what a network, a weight file or a model directory is.

import { familyMember } from '../core/family.ts';
import { summarise } from '../core/summary.ts';
import { type Command, UsageError, wholeNumber } from './command.ts';
import { table } from './table.ts';

export const inspect: Command = {
  name: 'inspect',
  summary: 'Shows what a network, a weight file or a model directory is.',
  usage: '(NETWORK | FILE | DIR) [options]',
  options: {
    classes: { type: 'string', value: 'N', description: 'of a network: number of classes (default 1000)' },
    'input-size': {
      type: 'string',
      value: 'N',
      description: 'of a network: side of the input (default 224)',
    },
  },
  examples: ['vgg-edge inspect vgg11_bn --classes 2'],
  async run(positionals, values) {
    const [what] = positionals;
    if (what === undefined) throw new UsageError('Expected a network, a file or a directory to inspect.');
    const configuration = familyMember(what, {
      outputDim: wholeNumber(values, 'classes', { min: 1 }) ?? 1000,
    });
    const summary = summarise(configuration, wholeNumber(values, 'input-size', { min: 1 }) ?? 224);
    const number = (value: number) => value.toLocaleString('en-US');
    console.log(
      table(
        ['Layer', 'Output shape', 'Param #', 'Mult-adds'],
        summary.rows.map(({ layer, outputShape, parameters, macs }, index) => [
          `${layer}-${index + 1}`,
          `[-1, ${outputShape.join(', ')}]`,
          number(parameters),
          number(macs),
        ]),
      ),
    );
  },
};
