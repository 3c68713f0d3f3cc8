// POST /v1/classify: the most probable classes of each image.

import { listOutcomes, modelFacts } from '../answer.ts';
import type { Ready } from '../dependencies.ts';
import { imageRoute } from '../image-route.ts';
import { labelledClasses, topCount } from '../labelled-classes.ts';
import { type ClassifyAnswer, classifyOptions } from '../schemas/classify.ts';

const LOGITS = { layer: 'scores', pool: 'none', normalize: false } as const;

export function classify(dependencies: Ready) {
  return imageRoute(dependencies, { schema: classifyOptions }, async ({ images, options, model }) => {
    const { manifest, embedder } = model;
    const count = topCount(options.top_k, manifest);
    const { outcomes, times } = await embedder.embed(images, LOGITS);
    const body: ClassifyAnswer = {
      object: 'list',
      ...listOutcomes(outcomes, (logits) => ({
        object: 'classification' as const,
        classes: labelledClasses(logits, count, manifest),
      })),
      ...modelFacts(model),
    };
    return { body, times, outcomes };
  });
}
