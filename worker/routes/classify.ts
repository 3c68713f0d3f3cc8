// POST /v1/classify: the most probable classes of each image.

import { listOutcomes, modelFacts } from '../answer.ts';
import type { Ready } from '../dependencies.ts';
import { imageRoute } from '../image-route.ts';
import { checkTopK, labelledClasses } from '../labelled-classes.ts';
import { type ClassifyAnswer, classifyOptions } from '../schemas/classify.ts';

const LOGITS = { layer: 'scores', pool: 'none', normalize: false } as const;

export function classify(dependencies: Ready) {
  return imageRoute(dependencies, { schema: classifyOptions }, async ({ images, options, model }) => {
    const { manifest, embedder } = model;
    checkTopK(options.top_k, manifest);
    const { outcomes, times } = await embedder.embed(images, LOGITS);
    const body: ClassifyAnswer = {
      object: 'list',
      ...listOutcomes(outcomes, (logits) => ({
        object: 'classification' as const,
        classes: labelledClasses(logits, options.top_k, manifest),
      })),
      ...modelFacts(model),
    };
    return { body, times, errors: body.errors };
  });
}
