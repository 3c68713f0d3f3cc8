// vgg-edge export: a model directory → what other programs read: float weights for PyTorch, float graphs
// for GPUs.

import { homedir } from 'node:os';
import { resolve } from 'node:path';
import { diskFiles } from '../engine/node/disk-files.ts';
import type { FloatPrecision } from '../model-build/dequantised-graphs.ts';
import { weightsCacheFolder } from '../model-build/download-weights.ts';
import { exportSafetensors } from '../model-build/export.ts';
import { floatDirectory } from '../model-build/float-directory.ts';
import { dequantise } from '../model-build/quantise.ts';
import { readModel } from '../model-build/read-model.ts';
import { type Command, required, text, UsageError } from './command.ts';
import { exitOnInterrupt } from './exit-on-interrupt.ts';

export const exportModel: Command = {
  name: 'export',
  summary: 'Gives the float weights of a model directory, for fine-tuning, or its float graphs, for GPUs.',
  usage: 'DIR (--to safetensors --out FILE | --to fp16|fp32 [--cache DIR])',
  options: {
    to: {
      type: 'string',
      value: 'FORMAT',
      description: 'safetensors: float32, torchvision’s names, batch norm folded; fp16, fp32: graphs',
    },
    out: { type: 'string', value: 'FILE', description: 'the file to write' },
    cache: { type: 'string', value: 'DIR', description: 'where float graphs are kept once made' },
  },
  examples: [
    'vgg-edge export models/default --to safetensors --out model.safetensors',
    'vgg-edge export models/default --to fp16',
  ],
  async run([directory], values) {
    if (directory === undefined) throw new UsageError('Expected a model directory to export.');
    using _interrupt = exitOnInterrupt();
    const format = required(values, 'to');
    if (format === 'fp16' || format === 'fp32') {
      const cache = text(values, 'cache') ?? weightsCacheFolder(process.env, homedir());
      await showFloatGraphs(resolve(directory), format, resolve(cache));
      return;
    }
    if (format !== 'safetensors') {
      throw new UsageError(`Expected safetensors, fp16 or fp32 for --to but found '${format}'.`);
    }
    const out = required(values, 'out');
    const { id, manifest, network } = await readModel(diskFiles(resolve(directory)));
    await exportSafetensors(dequantise(network), out, { model: id, licence: manifest.licence });
    console.log(`${out}: ${id} as float32, ${network.configuration.name}, batch norm folded`);
  },
};

/** Made from the int8 weights the first time, found in the cache from then on. */
async function showFloatGraphs(directory: string, precision: FloatPrecision, cache: string): Promise<void> {
  const { directory: place, manifest } = await floatDirectory(directory, precision, cache);
  const found = manifest.floatGraphs.find((float) => float.precision === precision);
  console.log([place, ...(found?.graphs ?? []).map(({ file }) => `  ${file}`)].join('\n'));
}
