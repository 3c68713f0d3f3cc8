// POST /v1/embeddings: OpenAI's embeddings API with images for input.

import type { Pool } from '../../core/descriptors.ts';
import { InputError } from '../../core/errors.ts';
import type { Manifest } from '../../core/manifest.ts';
import type { Tap } from '../../core/taps.ts';
import { listOutcomes, modelFacts } from '../answer.ts';
import type { Ready } from '../dependencies.ts';
import { imageRoute } from '../image-route.ts';
import { type EmbeddingsAnswer, embeddingsOptions } from '../schemas/embeddings.ts';
import { embeddingFields } from '../vector-values.ts';

export function embeddings(dependencies: Ready) {
  return imageRoute(dependencies, { schema: embeddingsOptions }, async ({ images, options, model }) => {
    const { layer, pool, normalize, encoding_format, dtype, dimensions } = options;
    checkPool(layer, pool);
    const width = vectorWidth(layer, pool, model.manifest);
    checkDimensions(dimensions, width);
    const { outcomes, times } = await model.embedder.embed(images, { layer, pool, normalize });
    const body: EmbeddingsAnswer = {
      object: 'list',
      ...listOutcomes(outcomes, (vector) => ({
        object: 'embedding' as const,
        ...embeddingFields(vector, encoding_format, dtype),
      })),
      ...modelFacts(model),
      layer,
      pool,
      normalize,
      dtype,
      dimensions: width,
      // Images have no tokens; OpenAI's clients expect the field.
      usage: { prompt_tokens: 0, total_tokens: 0 },
    };
    return { body, times, errors: body.errors };
  });
}

function checkPool(layer: Tap, pool: Pool): void {
  if (pool === 'none' || layer === 'features') return;
  throw new InputError(
    'invalid_option',
    `Expected 'none' for pool with the layer ${layer} but found '${pool}': only features is a map that can be pooled.`,
    { param: 'pool' },
  );
}

/** A prefix of a VGG vector means nothing: another length needs a projection fitted to the data. */
function checkDimensions(dimensions: number | undefined, width: number): void {
  if (dimensions === undefined || dimensions === width) return;
  throw new InputError(
    'invalid_option',
    `Expected ${width} for dimensions, the length of this layer and pool, but found ${dimensions}. Vectors are never cut: another length needs a fitted projection, and this model has none.`,
    { param: 'dimensions' },
  );
}

function vectorWidth(layer: Tap, pool: Pool, { taps }: Manifest): number {
  const shape = taps.find(({ name }) => name === layer)?.shape;
  if (shape === undefined) {
    throw new InputError(
      'invalid_option',
      `Expected one of ${taps.map(({ name }) => name).join(', ')} for layer but found '${layer}': this model has no such tap.`,
      { param: 'layer' },
    );
  }
  return pool === 'none' ? shape.reduce((product, side) => product * side, 1) : (shape[0] ?? 0);
}
