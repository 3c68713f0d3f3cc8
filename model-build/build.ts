// The whole model build in the order of its stages: read or seed → calibrate → quantise → write → verify.
// Everything is written to a temporary folder beside the target, which takes its place at the end.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { basename } from 'node:path';
import { InputError } from '../core/errors.ts';
import type { VggConfiguration } from '../core/family.ts';
import type { HeadChoice, Manifest, ManifestFloatGraphs } from '../core/manifest.ts';
import { calibrate } from './calibrate.ts';
import { type ChosenHead, chooseHead } from './choose-head.ts';
import type { FloatPrecision } from './dequantised-graphs.ts';
import { writeFloatGraphs } from './float-directory.ts';
import type { NetworkLevels } from './float-graph.ts';
import type { ImageSets } from './image-sets.ts';
import { kaimingNetwork } from './init.ts';
import { keepCard } from './keep-card.ts';
import type { Labels } from './label-file.ts';
import type { FloatNetwork, InputContract, QuantisedNetwork } from './network.ts';
import { openWeights } from './open-weights.ts';
import { quantiseNetwork } from './quantise.ts';
import { readNetwork } from './read-network.ts';
import { replaceDirectory } from './replace-directory.ts';
import { verifyDirectory } from './verify.ts';
import { weightErrors } from './weight-errors.ts';
import { describeModel, writeManifest, writeWeights } from './write-model.ts';

/** Where the float weights come from. */
export type WeightSource =
  | { readonly kind: 'file'; readonly path: string }
  | { readonly kind: 'seed'; readonly configuration: VggConfiguration; readonly seed: number };

export interface BuildOptions {
  readonly source: WeightSource;
  readonly out: string;
  /** Replaces an existing directory. */
  readonly force: boolean;
  readonly name: string;
  readonly input: InputContract;
  readonly images: ImageSets;
  /** One per class, or none. */
  readonly labels: Labels;
  /** What search is to store by default. */
  readonly defaultDescriptor: Manifest['defaultDescriptor'] | undefined;
  readonly licence: string;
  /** Float graphs to write beside the int8 ones. */
  readonly precisions: readonly FloatPrecision[];
  /** Tries ranges layer by layer: most faithful, and most of the time. */
  readonly refine: boolean;
  /** How the kernels' weights are rounded (calibrate.ts). */
  readonly rounding: 'nearest' | 'measured';
  /** Brings the channels of each activation to like peaks first (equalise.ts). */
  readonly equalise: boolean;
  /** What an isolate may take with the model: the most faithful classifier that fits is stored; null for int8. */
  readonly memoryBytes: number | null;
  readonly progress: (stage: string, done: number, total: number) => void;
  /** Told what each form of the classifier takes for one image, milliseconds, where `memoryBytes` says to try them. */
  readonly timed?: (form: string, milliseconds: number) => void;
}

/** Builds the directory and returns its manifest. Throws InputError; nothing half-written stays. */
export async function buildModel(options: BuildOptions): Promise<Manifest> {
  const { source, images, progress } = options;
  const { labels, classes } = options.labels;
  const trained = source.kind === 'file';
  const network = await loadNetwork(options);
  const { outputDim } = network.configuration;
  if (labels.length > 0 && labels.length !== outputDim) {
    throw new InputError(
      'invalid_argument',
      `Expected ${outputDim} labels, one per class, but found ${labels.length}.`,
      { param: 'labels' },
    );
  }
  const calibration = await calibrate(network, images.calibration, {
    byScores: trained,
    refine: options.refine,
    rounding: options.rounding,
    equalise: options.equalise,
    progress,
  });
  const { candidates, taken, levels, correlations } = calibration;
  const whole = quantiseNetwork(calibration.network, levels, correlations);
  const chosen = await fitHead(options, calibration.network, levels, whole);
  const { quantised } = chosen;
  const provenance = await describeSource(source);
  return await replaceDirectory(options.out, options.force, async (directory) => {
    const written = await writeWeights(directory, quantised);
    const floatGraphs: ManifestFloatGraphs[] = [];
    for (const precision of options.precisions) {
      floatGraphs.push(await writeFloatGraphs(directory, quantised, precision));
    }
    const details = {
      name: options.name,
      trained,
      labels: [...labels],
      ...(classes === undefined ? {} : { classes: [...classes] }),
      ...(options.defaultDescriptor === undefined ? {} : { defaultDescriptor: options.defaultDescriptor }),
      calibration: {
        ...images.description,
        equalised: options.equalise,
        candidates: candidates.map((candidate) => ({ ...candidate })),
        taken: { ...taken },
      },
      provenance,
      licence: options.licence,
      floatGraphs,
      ...(chosen.headChoice === null ? {} : { headChoice: chosen.headChoice }),
    };
    const draft = describeModel(quantised, written, { ...details, fidelity: {} });
    const fidelity = await verifyDirectory(directory, draft, network, images.heldOut, (done, total) =>
      progress('checking against fp32', done, total),
    );
    const manifest: Manifest = {
      ...draft,
      fidelity: { ...fidelity, weights: weightErrors(chosen.float, quantised) },
    };
    await writeManifest(directory, manifest);
    await keepCard(options.out, directory, provenance.sha256);
    return manifest;
  });
}

/** The network as it is to be stored, and what was quantised. */
async function fitHead(
  { source, images, memoryBytes, progress, timed = () => {} }: BuildOptions,
  network: FloatNetwork,
  levels: NetworkLevels,
  quantised: QuantisedNetwork,
): Promise<Omit<ChosenHead, 'headChoice'> & { readonly headChoice: HeadChoice | null }> {
  if (memoryBytes === null) return { quantised, float: network, headChoice: null };
  const byScores = source.kind === 'file';
  return await chooseHead({
    network,
    levels,
    quantised,
    images,
    limitBytes: memoryBytes,
    byScores,
    progress,
    timed,
  });
}

async function loadNetwork({ source, input, progress }: BuildOptions): Promise<FloatNetwork> {
  if (source.kind === 'seed') return kaimingNetwork(source.configuration, input, source.seed);
  const file = await openWeights(source.path);
  try {
    return await readNetwork(file, input, (done, total) => progress('reading weights', done, total));
  } finally {
    await file.close();
  }
}

async function describeSource(source: WeightSource): Promise<Manifest['provenance']> {
  if (source.kind === 'seed') return { kind: 'kaiming', seed: source.seed };
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of createReadStream(source.path)) {
    hash.update(chunk);
    bytes += chunk.length;
  }
  return { kind: 'weights', file: basename(source.path), bytes, sha256: hash.digest('hex') };
}
