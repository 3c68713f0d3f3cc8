// vgg-edge build: weights (a file, torchvision's official ones, or seeded) → a model directory.

import { readFile } from 'node:fs/promises';
import { homedir } from 'node:os';
import { basename, resolve } from 'node:path';
import { POOLS } from '../core/descriptors.ts';
import { InputError } from '../core/errors.ts';
import { customConfiguration, familyMember, type VggConfiguration } from '../core/family.ts';
import type { Manifest } from '../core/manifest.ts';
import { TAPS } from '../core/taps.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { buildModel, type WeightSource } from '../model-build/build.ts';
import type { FloatPrecision } from '../model-build/dequantised-graphs.ts';
import { downloadWeights, officialWeights, weightsCacheFolder } from '../model-build/download-weights.ts';
import { photoSets, syntheticSets } from '../model-build/image-sets.ts';
import { type Labels, parseLabelFile } from '../model-build/label-file.ts';
import { TORCHVISION_INPUT } from '../model-build/network.ts';
import { checkTarget } from '../model-build/replace-directory.ts';
import {
  byteSize,
  type Command,
  flag,
  required,
  text,
  UsageError,
  type Values,
  wholeNumber,
} from './command.ts';
import { exitOnInterrupt } from './exit-on-interrupt.ts';
import { fidelityTable } from './fidelity-table.ts';
import { headTable } from './head-table.ts';
import { createProgress, type Progress } from './progress.ts';

const DEFAULT_RANK = 256;

export const build: Command = {
  name: 'build',
  summary: 'Quantises the weights of a VGG and writes a model directory.',
  usage: '(--weights FILE | --init kaiming --seed N) --out DIR [options]',
  options: {
    weights: {
      type: 'string',
      value: 'FILE',
      description: '.pth, .pt or .safetensors, or torchvision:vgg11_bn and so on, fetched once',
    },
    init: { type: 'string', value: 'kaiming', description: 'seeded random weights instead of a file' },
    seed: { type: 'string', value: 'N', description: 'their seed (default 1)' },
    network: {
      type: 'string',
      value: 'NAME',
      description: 'with --init: vgg11 … vgg19_bn (default vgg11_bn)',
    },
    items: {
      type: 'string',
      value: 'LIST',
      description: 'with --init: a configuration as 8,M,16,M (custom)',
    },
    hidden: { type: 'string', value: 'N', description: 'with --init: width of fc6 and fc7 (default 4096)' },
    classes: { type: 'string', value: 'N', description: 'with --init: number of classes (default 1000)' },
    rank: {
      type: 'string',
      value: 'N',
      description: `with --init: rank of fc6 and fc7, 0 for full (default ${DEFAULT_RANK})`,
    },
    out: { type: 'string', value: 'DIR', description: 'the directory to write' },
    force: { type: 'boolean', description: 'replaces DIR if it exists' },
    name: { type: 'string', value: 'NAME', description: "the model's name (default: DIR's last part)" },
    calibration: {
      type: 'string',
      value: 'DIR',
      description: 'photos to calibrate and check with (default: synthetic images)',
    },
    holdout: {
      type: 'string',
      value: 'N',
      description: 'every N-th photo is kept from calibration to check the result with (default 2)',
    },
    refine: {
      type: 'boolean',
      description: 'tries activation ranges layer by layer: more faithful, takes minutes',
    },
    'keep-channels': {
      type: 'boolean',
      description: 'does not equalise the channels of the activations before they are quantised',
    },
    nearest: {
      type: 'boolean',
      description: 'rounds weights to the nearest level and does not try the other way of rounding',
    },
    labels: {
      type: 'string',
      value: 'FILE',
      description: 'one class name per line, or a table as training/imagenet-classes.tsv',
    },
    descriptor: {
      type: 'string',
      value: 'NAME',
      description: 'what search stores by default: fc6, features-avg, … (recorded in the manifest)',
    },
    memory: {
      type: 'string',
      value: 'SIZE',
      description:
        'takes the most faithful classifier that fits an isolate of so much, 128MB (int8, 4-bit, lower ranks)',
    },
    precision: {
      type: 'string',
      value: 'LIST',
      description: 'also float graphs for GPUs: fp16, fp32 or fp16,fp32',
    },
    licence: { type: 'string', value: 'TEXT', description: 'terms of the weights, recorded in the manifest' },
  },
  examples: [
    'vgg-edge build --weights vgg11_bn.safetensors --calibration photos --labels labels.txt --out models/mine',
    'vgg-edge build --weights torchvision:vgg11_bn --calibration photos --memory 128MB --out models/mine',
    'vgg-edge build --init kaiming --seed 1 --out models/seeded',
  ],
  async run(_positionals, values) {
    using _interrupt = exitOnInterrupt();
    const out = required(values, 'out');
    // All of them before the weights are fetched.
    const options = {
      out,
      force: flag(values, 'force'),
      name: modelName(values, out),
      labels: await readLabels(text(values, 'labels')),
      defaultDescriptor: descriptorOf(text(values, 'descriptor')),
      licence: text(values, 'licence') ?? 'unknown',
      refine: flag(values, 'refine'),
      equalise: !flag(values, 'keep-channels'),
      rounding: flag(values, 'nearest') ? 'nearest' : 'measured',
      precisions: precisionsOf(text(values, 'precision')),
      memoryBytes: byteSize(values, 'memory') ?? null,
    } as const;
    const holdOutEvery = wholeNumber(values, 'holdout', { min: 2, max: 1000 }) ?? 2;
    await checkTarget(resolve(out), options.force);
    const progress = createProgress();
    const source = await weightSource(values, progress.update);
    const images = await imageSets(text(values, 'calibration'), holdOutEvery, progress.update);
    for (const reason of images.skipped) console.error(`skipped ${reason}`);
    const times = new Map<string, number>();
    const manifest = await buildModel({
      ...options,
      source,
      input: TORCHVISION_INPUT,
      images,
      progress: progress.update,
      timed: (form, milliseconds) => times.set(form, milliseconds),
    });
    console.log(describe(out, manifest, times));
  },
};

async function weightSource(values: Values, update: Progress['update']): Promise<WeightSource> {
  const path = text(values, 'weights');
  const init = text(values, 'init');
  if ((path === undefined) === (init === undefined)) {
    throw new UsageError('Expected either --weights or --init.');
  }
  if (path !== undefined) return { kind: 'file', path: await localWeights(path, update) };
  if (init !== 'kaiming') throw new UsageError(`Expected kaiming for --init but found '${init}'.`);
  return { kind: 'seed', configuration: seededConfiguration(values), seed: wholeNumber(values, 'seed') ?? 1 };
}

/** The path of the file; torchvision's official ones are fetched once, and kept. */
async function localWeights(weights: string, update: Progress['update']): Promise<string> {
  const official = officialWeights(weights);
  if (official === null) return weights;
  const megabytes = (bytes: number) => Math.round(bytes / 1e6);
  return await downloadWeights(official, {
    folder: weightsCacheFolder(process.env, homedir()),
    fetch: globalThis.fetch,
    onProgress: ({ receivedBytes, totalBytes }) =>
      update('downloading, MB', megabytes(receivedBytes), megabytes(totalBytes ?? 2 * receivedBytes)),
  });
}

function seededConfiguration(values: Values): VggConfiguration {
  const rank = wholeNumber(values, 'rank') ?? DEFAULT_RANK;
  const options = {
    outputDim: wholeNumber(values, 'classes', { min: 1 }) ?? 1000,
    hiddenDim: wholeNumber(values, 'hidden', { min: 1 }) ?? 4096,
    fc6Rank: rank === 0 ? null : rank,
    fc7Rank: rank === 0 ? null : rank,
  };
  const items = text(values, 'items');
  if (items === undefined) return familyMember(text(values, 'network') ?? 'vgg11_bn', options);
  const parsed = items.split(',').map((item) => (item === 'M' ? item : Number(item)));
  return customConfiguration(parsed, false, options);
}

async function imageSets(folder: string | undefined, holdOutEvery: number, update: Progress['update']) {
  if (folder === undefined) return syntheticSets(TORCHVISION_INPUT);
  return await photoSets(folder, TORCHVISION_INPUT, {
    holdOutEvery,
    decoder: await createNodeDecoder(),
    progress: (done, total) => update('reading photos', done, total),
  });
}

function precisionsOf(list: string | undefined): FloatPrecision[] {
  return (list === undefined ? [] : list.split(',')).map((precision) => {
    if (precision === 'fp16' || precision === 'fp32') return precision;
    throw new UsageError(`Expected fp16, fp32 or fp16,fp32 for --precision but found '${list}'.`);
  });
}

/** The last part of the directory's name in the manifest's alphabet. */
function modelName(values: Values, out: string): string {
  const name =
    text(values, 'name') ??
    basename(resolve(out))
      .toLowerCase()
      .replace(/[^a-z0-9._-]+/g, '-');
  if (!/^[a-z0-9][a-z0-9._-]{0,63}$/.test(name)) {
    throw new UsageError(
      `Expected lower-case letters, digits, '.', '_', '-' for --name but found '${name}'.`,
    );
  }
  return name;
}

async function readLabels(path: string | undefined): Promise<Labels> {
  if (path === undefined) return { labels: [] };
  let content: string;
  try {
    content = await readFile(path, 'utf8');
  } catch (cause) {
    throw new InputError('not_found', `Expected a file of labels at ${path}: ${String(cause)}.`, { cause });
  }
  return parseLabelFile(content, path);
}

/** `fc6` is a layer, `features-avg` its map pooled. */
function descriptorOf(name: string | undefined): Manifest['defaultDescriptor'] {
  if (name === undefined) return undefined;
  const choices = TAPS.flatMap((layer) =>
    POOLS.filter((pool) => pool === 'none' || layer === 'features').map((pool) => ({ layer, pool })),
  );
  const nameOf = ({ layer, pool }: (typeof choices)[number]) =>
    pool === 'none' ? layer : `${layer}-${pool}`;
  const found = choices.find((choice) => nameOf(choice) === name);
  if (found !== undefined) return found;
  throw new UsageError(
    `Expected one of ${choices.map(nameOf).join(', ')} for --descriptor but found '${name}'.`,
  );
}

function describe(out: string, manifest: Manifest, times: ReadonlyMap<string, number>): string {
  const bytes = manifest.shards.reduce((sum, shard) => sum + shard.bytes, 0);
  const weights = `${(bytes / 1e6).toFixed(1)} MB of weights in ${manifest.shards.length} shards`;
  const tables = [headTable(manifest, times), fidelityTable(manifest)].filter((shown) => shown !== '');
  return `${tables.join('\n\n')}\n\n${out}: ${manifest.network.name}, ${weights}`;
}
