// POST /v1/similarity: how alike the given images are, and on request which parts of a pair.

import { dot } from '../../core/cosine.ts';
import { float32ToNumbers } from '../../core/encodings.ts';
import { InputError, ModelError } from '../../core/errors.ts';
import type { Manifest } from '../../core/manifest.ts';
import { type CellMatch, type MapShape, matchRegions } from '../../core/region-match.ts';
import type { TapOutputs } from '../../core/taps.ts';
import { createDescriber, neededProjection } from '../../engine/describer.ts';
import { listOutcomes, modelFacts } from '../answer.ts';
import type { Ready } from '../dependencies.ts';
import { imageRoute } from '../image-route.ts';
import { type SimilarityAnswer, type SimilarityOptions, similarityOptions } from '../schemas/similarity.ts';
import type { ServedModel } from '../served-model.ts';

export function similarity(dependencies: Ready) {
  const route = { schema: similarityOptions, identify };
  return imageRoute(dependencies, route, async ({ images, options, model }) => {
    checkImages(images.length, options.regions);
    const describer = await createDescriber({ ...options, normalize: true }, model);
    const taps =
      options.regions && describer.layer !== 'features'
        ? [describer.layer, 'features' as const]
        : [describer.layer];
    const { outcomes, times } = await model.embedder.embedWith(images, taps, (outputs) => ({
      outputs,
      unit: describer.describe(outputs),
    }));
    const { data, errors } = listOutcomes(outcomes, (described) => described);
    const units = images.map((_, place) => data.find(({ index }) => index === place)?.unit);
    const [first, second] = data;
    const body: SimilarityAnswer = {
      object: 'similarity',
      matrix: units.map((a) =>
        units.map((b) => (a === undefined || b === undefined ? null : unitCosine(a, b))),
      ),
      ...(options.regions && first !== undefined && second !== undefined
        ? { regions: regionsOf(first.outputs, second.outputs, model.manifest) }
        : {}),
      ...(errors === undefined ? {} : { errors }),
      ...modelFacts(model),
    };
    return { body, times, outcomes };
  });
}

async function identify(options: SimilarityOptions, model: ServedModel) {
  return { projection: await neededProjection(options, model) };
}

function checkImages(count: number, regions: boolean): void {
  if (count >= 2 && (!regions || count === 2)) return;
  throw new InputError(
    'invalid_option',
    regions
      ? `Expected exactly 2 images for input with regions but found ${count}.`
      : `Expected at least 2 images for input but found ${count}.`,
    { param: 'input' },
  );
}

/** Of units, rounded to float32 as every number of an answer is. */
function unitCosine(a: Float32Array, b: Float32Array): number {
  return float32ToNumbers(Float32Array.of(Math.max(-1, Math.min(1, dot(a, b)))))[0] ?? 0;
}

function regionsOf(a: TapOutputs, b: TapOutputs, { taps }: Manifest) {
  const [channels, rows, columns] = taps.find(({ name }) => name === 'features')?.shape ?? [];
  if (
    a.features === undefined ||
    b.features === undefined ||
    channels === undefined ||
    rows === undefined ||
    columns === undefined
  ) {
    throw new ModelError(
      'engine_failed',
      'Expected features of the shape [channels, rows, columns] but found none.',
    );
  }
  const shape: MapShape = [channels, rows, columns];
  return matchRegions(a.features, b.features, shape).map(toAnswer);
}

function toAnswer({ from, to, score, mutual }: CellMatch) {
  return {
    from,
    to,
    score: float32ToNumbers(Float32Array.of(score))[0] ?? 0,
    mutual,
  };
}
