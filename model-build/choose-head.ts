// `build --memory`: every form of the classifier is made and measured, and the most faithful one that fits the
// memory is taken.

import { InputError } from '../core/errors.ts';
import type { HeadCandidate, HeadChoice } from '../core/manifest.ts';
import { joined } from './fidelity.ts';
import type { NetworkLevels } from './float-graph.ts';
import { openFloatRunner } from './float-runner.ts';
import { headForms, replaceHead, type StoredHead } from './head-forms.ts';
import { type ImageSets, inBatches } from './image-sets.ts';
import { reservedBytes } from './isolate-memory.ts';
import { layerValues } from './layer-values.ts';
import { type MatrixProducts, openMatrixProducts } from './matrix-product.ts';
import { type HeadFigures, type HeadReference, measureHead, quantisedFeatures } from './measure-head.ts';
import type { FloatNetwork, QuantisedNetwork } from './network.ts';

export interface ChooseHeadOptions {
  readonly network: FloatNetwork;
  readonly levels: NetworkLevels;
  /** The network quantised as it is: its convolutions are kept. */
  readonly quantised: QuantisedNetwork;
  readonly images: ImageSets;
  readonly limitBytes: number;
  /** Scores say something: those of untrained weights do not. */
  readonly byScores: boolean;
  readonly progress: (stage: string, done: number, total: number) => void;
  /** Told of the head's time for one image in each form. Times stay out of the manifest: they would change its id. */
  readonly timed: (form: string, milliseconds: number) => void;
}

export interface ChosenHead {
  readonly quantised: QuantisedNetwork;
  /** What was quantised: factors where a layer was factorised. */
  readonly float: FloatNetwork;
  readonly headChoice: HeadChoice;
}

/** Throws InputError when no candidate fits, saying what the smallest needs. */
export async function chooseHead(options: ChooseHeadOptions): Promise<ChosenHead> {
  const { network, levels, quantised, images, limitBytes, byScores, progress, timed } = options;
  await using products = await openMatrixProducts();
  const calibration = await quantisedFeatures(quantised, images.calibration, report(progress, 'features'));
  const reference = await headReference(options, products);
  const reserved = reservedBytes(network.input.resize);
  const candidates: HeadCandidate[] = [];
  let backboneBytes = 0;
  let best: { readonly head: StoredHead; readonly candidate: HeadCandidate } | undefined;
  const forms = headForms({ network, levels: levels.linears, features: calibration, products });
  for (const [done, { name, make }] of forms.entries()) {
    progress('trying classifiers', done, forms.length);
    const head = await make();
    const {
      backboneBytes: ofBackbone,
      milliseconds,
      ...figures
    } = await measureHead(replaceHead(quantised, head), reference);
    backboneBytes = ofBackbone;
    timed(name, milliseconds);
    const isolateBytes = figures.wasmBytes + reserved.decoderBytes + reserved.scriptBytes;
    const candidate = { name, taken: false, isolateBytes, ...figures };
    candidates.push(candidate);
    if (isolateBytes > limitBytes) continue;
    if (best === undefined || isMoreFaithful(figures, best.candidate, byScores)) best = { head, candidate };
  }
  progress('trying classifiers', forms.length, forms.length);
  if (best === undefined) throw nothingFits(limitBytes, candidates, backboneBytes, reserved);
  const { head, candidate } = best;
  return {
    quantised: replaceHead(quantised, head),
    float: { ...network, configuration: head.configuration, linears: head.float },
    headChoice: {
      limitBytes,
      reserved,
      backboneBytes,
      images: images.heldOut.images,
      candidates: candidates.map((each) => ({ ...each, taken: each === candidate })),
    },
  };
}

type Faithful = Pick<HeadFigures, 'cosine' | 'divergence' | 'headTop1Agreement' | 'wasmBytes'>;

/** Of the images, on how many a stored classifier has to have the float32 one's first class. */
const LEAST_AGREEMENT = 0.98;

/** Losses that differ by less are equal: the images held out do not tell them apart. */
const LOSS_STEP = 1e-4;

/**
 * Whether form `a` is to be taken before form `b`. Where scores mean something, one that keeps LEAST_AGREEMENT goes
 * before one that does not; else the nearer one, which is decided with less chance by vectors and probabilities than by
 * the few images whose first class changed (docs/accuracy.md). Of equally near ones the smaller goes first.
 */
export function isMoreFaithful(a: Faithful, b: Faithful, byScores: boolean): boolean {
  const keeps = ({ headTop1Agreement }: Faithful) => headTop1Agreement >= LEAST_AGREEMENT;
  if (byScores && keeps(a) !== keeps(b)) return keeps(a);
  const [lossOfA, lossOfB] = [loss(a, byScores), loss(b, byScores)];
  const steps = Math.round(lossOfA / LOSS_STEP) - Math.round(lossOfB / LOSS_STEP);
  return (steps || a.wasmBytes - b.wasmBytes || lossOfA - lossOfB) < 0;
}

/** Smaller is better: as calibration judges ranges, by vectors, and by probabilities where they mean something. */
function loss({ cosine, divergence }: Faithful, byScores: boolean): number {
  return 1 - (cosine.fc6 + cosine.fc7) / 2 + (byScores ? divergence : 0);
}

async function headReference(options: ChooseHeadOptions, products: MatrixProducts): Promise<HeadReference> {
  const { network, quantised, images, progress } = options;
  const features = await quantisedFeatures(quantised, images.heldOut, report(progress, 'features held out'));
  const headScores = (await layerValues(network.linears, features, products)).at(-1)?.values;
  const parts: { fc6: Float32Array[]; fc7: Float32Array[]; scores: Float32Array[] } = {
    fc6: [],
    fc7: [],
    scores: [],
  };
  await using runner = await openFloatRunner(network);
  for (const batch of inBatches(images.heldOut)) {
    const values = await runner.run(batch, ['fc6', 'fc7', 'scores']);
    for (const tap of ['fc6', 'fc7', 'scores'] as const)
      parts[tap].push(values.get(tap) ?? new Float32Array());
  }
  const outputs = { fc6: joined(parts.fc6), fc7: joined(parts.fc7), scores: joined(parts.scores) };
  return { features, outputs, headScores: headScores ?? new Float32Array() };
}

function report(progress: ChooseHeadOptions['progress'], stage: string) {
  return (done: number, total: number) => progress(stage, done, total);
}

function nothingFits(
  limitBytes: number,
  candidates: readonly HeadCandidate[],
  backboneBytes: number,
  reserved: HeadChoice['reserved'],
): InputError {
  const [smallest] = candidates.toSorted((a, b) => a.isolateBytes - b.isolateBytes);
  const megabytes = (bytes = 0) => (bytes / 1e6).toFixed(1);
  const needed = smallest?.isolateBytes ?? 0;
  const head = (smallest?.wasmBytes ?? 0) - backboneBytes;
  return new InputError(
    'invalid_argument',
    `Expected a classifier that fits into ${megabytes(limitBytes)} MB, but the smallest of ${candidates.length} (${smallest?.name}) needs ${megabytes(needed)} MB: ${megabytes(backboneBytes)} for the convolutions, ${megabytes(head)} for the classifier, ${megabytes(reserved.decoderBytes)} to decode a photograph, ${megabytes(reserved.scriptBytes)} for the script. Give --memory ${Math.ceil(needed / 1e6)}MB or more, or weights of a smaller network.`,
    { param: 'memory' },
  );
}
