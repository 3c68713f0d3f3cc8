// POST /v1/analyze: features and scores of one pass, the two things the reference network returns.

import { describe } from '../../core/embedder.ts';
import { listOutcomes, modelFacts } from '../answer.ts';
import type { Ready } from '../dependencies.ts';
import { imageRoute } from '../image-route.ts';
import { labelledClasses, topCount } from '../labelled-classes.ts';
import { type AnalyzeAnswer, analyzeOptions } from '../schemas/classify.ts';
import { vectorValues } from '../vector-values.ts';

const AS_IT_IS = { pool: 'none', normalize: false } as const;

export function analyze(dependencies: Ready) {
  return imageRoute(dependencies, { schema: analyzeOptions }, async ({ images, options, model }) => {
    const { top_k, encoding_format } = options;
    const { manifest, embedder } = model;
    const count = topCount(top_k, manifest);
    const { outcomes, times } = await embedder.embedWith(images, ['features', 'scores'], (outputs) => ({
      features: describe(outputs, { layer: 'features', ...AS_IT_IS }),
      scores: describe(outputs, { layer: 'scores', ...AS_IT_IS }),
    }));
    const body: AnalyzeAnswer = {
      object: 'list',
      ...listOutcomes(outcomes, ({ features, scores }) => ({
        object: 'analysis' as const,
        features: vectorValues(features, encoding_format),
        scores: vectorValues(scores, encoding_format),
        classes: labelledClasses(scores, count, manifest),
      })),
      ...modelFacts(model),
    };
    return { body, times, outcomes };
  });
}
