// vgg-edge inspect: what a network, a weight file or a model directory is.

import { stat } from 'node:fs/promises';
import { FAMILY_NAMES, familyMember, type VggConfiguration } from '../core/family.ts';
import { configurationOf } from '../core/manifest.ts';
import { summarise } from '../core/summary.ts';
import { readManifest } from '../engine/model-file.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { nameTensors } from '../model-build/name-tensors.ts';
import { openWeights } from '../model-build/open-weights.ts';
import { grouped } from '../runner/quantity.ts';
import { agreementTable, readAgreement } from './agreement-record.ts';
import { type Command, UsageError, wholeNumber } from './command.ts';
import { fidelityTable } from './fidelity-table.ts';
import { headTable } from './head-table.ts';
import { table } from './table.ts';

const DEFAULT_INPUT_SIZE = 224;

export const inspect: Command = {
  name: 'inspect',
  summary: 'Shows what a network, a weight file or a model directory is.',
  usage: '(NETWORK | FILE | DIR) [options]',
  options: {
    classes: { type: 'string', value: 'N', description: 'of a network: number of classes (default 1000)' },
    'input-size': { type: 'string', value: 'N', description: 'side of the input (default 224)' },
  },
  examples: [
    'vgg-edge inspect vgg11_bn --classes 2',
    'vgg-edge inspect weights.safetensors',
    'vgg-edge inspect models/default',
  ],
  async run([what], values) {
    if (what === undefined) throw new UsageError('Expected a network, a file or a directory to inspect.');
    const inputSize = wholeNumber(values, 'input-size', { min: 1 });
    const outputDim = wholeNumber(values, 'classes', { min: 1 });
    const kind = FAMILY_NAMES.includes(what) ? 'network' : await kindOf(what);
    if (kind !== 'network' && outputDim !== undefined) {
      throw new UsageError(`--classes is for a network; ${what} has classes of its own.`);
    }
    if (kind === 'directory') await showDirectory(what, inputSize);
    else if (kind === 'file') await showWeights(what, inputSize);
    else showNetwork(familyMember(what, outputDim === undefined ? {} : { outputDim }), inputSize);
  },
};

/** What is not on the disk is taken for a misspelt network: its error names those there are. */
async function kindOf(path: string): Promise<'directory' | 'file' | 'network'> {
  const found = await stat(path).catch(() => undefined);
  if (found === undefined) return 'network';
  return found.isDirectory() ? 'directory' : 'file';
}

async function showDirectory(path: string, inputSize: number | undefined): Promise<void> {
  const { manifest, id } = await readManifest(diskFiles(path));
  showNetwork(configurationOf(manifest), inputSize ?? manifest.preprocess.crop);
  const files = [...manifest.shards, ...manifest.graphs].map(({ file, part, bytes }) => [
    file,
    part,
    grouped(bytes),
  ]);
  console.log(`
Model ${id}${manifest.trained ? '' : ' (untrained: seeded random weights)'}
Preprocessing ${manifest.preprocess.name}; licence: ${manifest.licence}

${table(['file', 'part', 'bytes'], files)}

${[headTable(manifest), fidelityTable(manifest)].filter((shown) => shown !== '').join('\n\n')}`);
  const agreement = await readAgreement(path);
  if (agreement === undefined) return;
  console.log(
    agreement.model === id
      ? `\n${agreementTable(agreement.measurements)}`
      : `\nagreement.json is of ${agreement.model}, another model: measure again with vgg-edge agreement.`,
  );
}

async function showWeights(path: string, inputSize: number | undefined): Promise<void> {
  const file = await openWeights(path);
  try {
    const { configuration, prefix, unused } = nameTensors(file);
    showNetwork(configuration, inputSize);
    const types = [...new Set([...file.tensors.values()].map(({ dtype }) => dtype))].join(', ');
    console.log(`
${path}: ${file.format}, ${file.tensors.size} tensors of ${types}${prefix === '' ? '' : `, names begin with '${prefix}'`}`);
    if (unused.length > 0) console.log(`Not part of the network: ${unused.join(', ')}`);
  } finally {
    await file.close();
  }
}

function showNetwork(configuration: VggConfiguration, inputSize = DEFAULT_INPUT_SIZE): void {
  const { rows, parameters, macs, bytes } = summarise(configuration, inputSize);
  const { name, batchNorm, outputDim, ranks } = configuration;
  const layers = rows.map(({ layer, outputShape, parameters: own, macs: work }, index) => [
    `${layer}-${index + 1}`,
    `[-1, ${outputShape.join(', ')}]`,
    grouped(own),
    grouped(work),
  ]);
  const factors = Object.entries(ranks).flatMap(([layer, rank]) =>
    rank === null ? [] : [`${layer} of rank ${rank}`],
  );
  console.log(`${table(['Layer', 'Output shape', 'Param #', 'Mult-adds'], layers)}

${[name, batchNorm ? 'batch norm' : 'no batch norm', `${grouped(outputDim)} classes`, ...factors].join(', ')}
Total params: ${grouped(parameters)}
Total mult-adds: ${grouped(macs)}
Params size as float32: ${(bytes / 1e6).toFixed(2)} MB`);
}
