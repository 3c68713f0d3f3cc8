// vgg-edge export: a model directory → what other programs read: float weights for PyTorch, float graphs
// for GPUs.

import { resolve } from 'node:path';
import { diskFiles } from '../engine/node/disk-files.ts';
import { exportSafetensors } from '../model-build/export.ts';
import { dequantise } from '../model-build/quantise.ts';
import { readModel } from '../model-build/read-model.ts';
import { type Command, required, UsageError } from './command.ts';

export const exportModel: Command = {
  name: 'export',
  summary: 'Writes the weights of a model directory as floats, in torchvision’s names, for fine-tuning.',
  usage: 'DIR --to safetensors --out FILE',
  options: {
    to: { type: 'string', value: 'FORMAT', description: 'safetensors: float32, batch norm folded' },
    out: { type: 'string', value: 'FILE', description: 'the file to write' },
  },
  examples: ['vgg-edge export models/default --to safetensors --out model.safetensors'],
  async run([directory], values) {
    if (directory === undefined) throw new UsageError('Expected a model directory to export.');
    const format = required(values, 'to');
    if (format !== 'safetensors')
      throw new UsageError(`Expected safetensors for --to but found '${format}'.`);
    const out = required(values, 'out');
    const { id, manifest, network } = await readModel(diskFiles(resolve(directory)));
    await exportSafetensors(dequantise(network), out, { model: id, licence: manifest.licence });
    console.log(`${out}: ${id} as float32, ${network.configuration.name}, batch norm folded`);
  },
};
