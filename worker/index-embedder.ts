// Images → vectors as an index holds them: of its space, or refused before the network runs.

import type { Context } from 'hono';
import type { ImageSource, Outcome } from '../core/embedder.ts';
import type { VectorIndex, VectorSpace } from '../core/vector-store.ts';
import { createDescriber } from '../engine/describer.ts';
import { checkSpace } from '../search/vector-index.ts';
import { MODEL_HEADER, serverTiming } from './answer.ts';
import type { Ready } from './dependencies.ts';
import type { ApiEnv } from './request-facts.ts';
import type { ServedModel } from './served-model.ts';

/** Throws InputError('index_mismatch') where the served model gives no vectors of the index's space. */
export type EmbedForIndex = (
  context: Context<ApiEnv>,
  index: VectorIndex,
  images: readonly ImageSource[],
) => Promise<{ readonly space: VectorSpace; readonly outcomes: readonly Outcome<Float32Array>[] }>;

export function indexEmbedder({ metrics, model }: Ready): EmbedForIndex {
  return async (context, { name, space: held }, images) => {
    const served = await model();
    context.header(MODEL_HEADER, served.id);
    // Before the network runs: it would be for nothing.
    checkSpace(name, held, { ...held, model: served.id, preprocess: served.manifest.preprocess.name });
    const { describer, space } = await spaceOf(served, held);
    const counted = images.map(({ read, crop }) => ({
      crop,
      read: async () => {
        const bytes = await read();
        metrics.imageBytes.add(bytes.length);
        return bytes;
      },
    }));
    const run = await served.embedder.embedWith(counted, [space.layer], describer.describe);
    const facts = context.get('facts');
    facts.times = run.times;
    context.header('server-timing', serverTiming(run.times, facts.waited ?? 0));
    return { space, outcomes: run.outcomes };
  };
}

/** The space of what the served model gives with these options, and how to get it. */
export async function spaceOf(
  served: ServedModel,
  { layer, pool, dimensions }: Pick<VectorSpace, 'layer' | 'pool'> & { dimensions?: number | undefined },
) {
  const describer = await createDescriber({ layer, pool, normalize: true, dimensions }, served);
  return { describer, space: describer.space(served.id) };
}
