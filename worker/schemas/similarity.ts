// POST /v1/similarity: how alike the given images are, and where.

import * as z from 'zod';
import { itemErrors, modelFacts } from './answer.ts';
import { descriptorOptions } from './embeddings.ts';
import { cropBox, imageInputs, modelName, user } from './input.ts';

export const similarityOptions = z.strictObject({
  layer: descriptorOptions.shape.layer,
  pool: descriptorOptions.shape.pool,
  dimensions: descriptorOptions.shape.dimensions,
  regions: z
    .boolean()
    .default(false)
    .describe('With exactly two images: which of the 7×7 cells of the first answers which of the second.'),
  crop: cropBox.optional().describe('A crop box for every image without its own.'),
  model: modelName,
  user,
});

export const similarityRequest = z.strictObject({ input: imageInputs, ...similarityOptions.shape });

const cell = z.tuple([z.int().min(0), z.int().min(0)]).describe('Row and column from the top left.');

const cellMatch = z.strictObject({
  from: cell,
  to: cell,
  score: z.number().describe("Cosine of the two cells' channel vectors."),
  mutual: z.boolean().describe('Each is the best match of the other.'),
});

export const similarityAnswer = z.strictObject({
  object: z.literal('similarity'),
  matrix: z
    .array(z.array(z.number().nullable()))
    .describe('Cosines, row by row; null where an image failed.'),
  regions: z.array(cellMatch).optional(),
  errors: itemErrors,
  ...modelFacts,
});

export type SimilarityOptions = z.output<typeof similarityOptions>;
export type SimilarityRequest = z.input<typeof similarityRequest>;
export type SimilarityAnswer = z.infer<typeof similarityAnswer>;
