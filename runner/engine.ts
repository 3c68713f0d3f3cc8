// The engine of the runner: opens the one asked for, or the fastest that works on this machine, and says why.

import { availableParallelism } from 'node:os';
import { InputError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Engine } from '../core/ports.ts';
import type { Tap } from '../core/taps.ts';
import { checkEngine, type ExpectedTaps, expectedTaps } from '../engine/self-check.ts';
import { type Candidate, type CheckedEngine, type Choice, choose } from './engines/choose.ts';
import { probe } from './engines/probe.ts';
import { type EngineRecipe, makeEngine, type NativeProvider } from './engines/recipe.ts';
import { createThreadedEngine } from './engines/threaded-engine.ts';
import { TRIAL, timedTrial } from './engines/trial.ts';

/** What may be asked for; a precision may follow, as in `webgpu:fp32`. */
export const RUNNER_ENGINES = ['auto', 'winograd', 'onnxruntime-cpu', 'webgpu', 'cuda'] as const;

type EngineName = Exclude<(typeof RUNNER_ENGINES)[number], 'auto'>;

/** In the order in which they are tried. */
const PRECISIONS: Readonly<Record<EngineName, readonly Engine['precision'][]>> = {
  cuda: ['fp16', 'fp32'],
  webgpu: ['fp16', 'fp32'],
  'onnxruntime-cpu': ['int8', 'fp32'],
  winograd: ['int8'],
};

/** Of each group the first that works takes part in the trial: a GPU, the CPU by onnxruntime, our kernel. */
const GROUPS: readonly (readonly EngineName[])[] = [['cuda', 'webgpu'], ['onnxruntime-cpu'], ['winograd']];

/**
 * Images per run on GPUs. A batch of 16 keeps the widest map in fp32, 205 MB, below WebGPU's usual limit of
 * 256 MiB for a buffer.
 */
const BATCH_SIZES: Readonly<Record<'cuda' | 'webgpu', number>> = { cuda: 64, webgpu: 16 };
/** On processors, where every thread computes images of its own. */
const IMAGES_PER_THREAD = 4;
/** Each holds the weights; with more cores than this onnxruntime divides the work within an image as well. */
const MAX_SESSIONS = 16;

/** Milliseconds. A GPU that needs longer for loading and two pictures is no GPU, or hangs. */
const LIMIT = 60_000;
/** Who asks for an engine by name may wait for it: on a software device a picture takes a minute. */
const PATIENT_LIMIT = 600_000;

export interface EngineParts {
  /** The model directory. */
  readonly directory: string;
  readonly manifest: Manifest;
  /** What the run will ask for: these are checked. */
  readonly taps: readonly Tap[];
  /** The directory with the float graphs of the model, made now if need be. */
  readonly floatGraphs: (precision: 'fp16' | 'fp32') => Promise<string>;
  /** For engines on the processor; all cores by default. */
  readonly threads?: number | undefined;
}

/**
 * `wanted` is one of RUNNER_ENGINES, or the `id` of an earlier choice, which gives the same engine again. Every
 * engine has its numbers checked before it is taken. Throws InputError for a name that is none,
 * ModelError('engine_failed') with the reasons when what was asked for does not work here, SourceError.
 */
export async function openEngine(wanted: string, parts: EngineParts): Promise<Choice> {
  const groups = wantedEngines(wanted);
  const { directory, manifest, taps } = parts;
  const { crop } = manifest.preprocess;
  const exact = await makeEngine({ kind: 'winograd', directory });
  const expected = await expectedTaps(exact, crop, taps).finally(() => exact.dispose());
  const limit = wanted === 'auto' ? LIMIT : PATIENT_LIMIT;
  const availability = new Map<string, Promise<void>>();
  const candidates = groups.map((group) =>
    group.map((engine) => candidate(engine, { ...parts, expected, limit, availability })),
  );
  return await choose(candidates, { trial: timedTrial(crop, taps), trialLength: `${TRIAL / 1000} s` });
}

interface NamedEngine {
  readonly name: EngineName;
  readonly precision: Engine['precision'];
}

function wantedEngines(wanted: string): NamedEngine[][] {
  const all = (name: EngineName): NamedEngine[] => PRECISIONS[name].map((precision) => ({ name, precision }));
  if (wanted === 'auto') return GROUPS.map((group) => group.flatMap(all));
  const named = GROUPS.flat()
    .flatMap(all)
    .filter(({ name, precision }) => wanted === name || wanted === `${name}:${precision}`);
  if (named.length > 0) return [named];
  const ids = GROUPS.flat().flatMap((name) => PRECISIONS[name].map((precision) => `${name}:${precision}`));
  throw new InputError(
    'invalid_argument',
    `Expected one of ${RUNNER_ENGINES.join(', ')}, or with a precision ${ids.join(', ')}, as the engine but found '${wanted}'.`,
    { param: 'engine' },
  );
}

interface CandidateParts extends EngineParts {
  readonly expected: ExpectedTaps;
  readonly limit: number;
  /** By provider: whether it works at all is asked once. */
  readonly availability: Map<string, Promise<void>>;
}

function candidate({ name, precision }: NamedEngine, parts: CandidateParts): Candidate {
  const { limit, threads = availableParallelism() } = parts;
  const onGpu = name === 'cuda' || name === 'webgpu';
  const batchSize = onGpu ? BATCH_SIZES[name] : threads * IMAGES_PER_THREAD;
  return { id: `${name}:${precision}`, batchSize, limit, open };

  async function open(): Promise<CheckedEngine> {
    const { directory, expected } = parts;
    if (name === 'winograd') return await checked({ kind: 'winograd', directory }, threads, expected);
    if (name === 'onnxruntime-cpu') {
      const recipe = await nativeRecipe('cpu', precision, parts);
      const sessions = Math.min(threads, MAX_SESSIONS);
      return await checked({ ...recipe, threads: Math.floor(threads / sessions) }, sessions, expected);
    }
    const recipe: EngineRecipe = { kind: 'onnxruntime', directory, provider: name, precision: 'int8' };
    const available = parts.availability.get(name) ?? probe(recipe, undefined, { limit });
    parts.availability.set(name, available);
    await available;
    const float = await nativeRecipe(name, precision, parts);
    await probe(float, expected, { limit });
    return await checked(float, 1, expected);
  }
}

async function nativeRecipe(
  provider: NativeProvider,
  precision: Engine['precision'],
  { directory, floatGraphs }: CandidateParts,
) {
  const place = precision === 'int8' ? directory : await floatGraphs(precision);
  return { kind: 'onnxruntime', directory: place, provider, precision } as const;
}

async function checked(
  recipe: EngineRecipe,
  threads: number,
  expected: ExpectedTaps,
): Promise<CheckedEngine> {
  const engine = await createThreadedEngine(recipe, threads);
  try {
    return { engine, agreement: await checkEngine(engine, expected) };
  } catch (error) {
    await engine.dispose();
    throw error;
  }
}
