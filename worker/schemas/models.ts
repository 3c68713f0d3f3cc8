// GET /v1/models: what is served, and what it can give.

import * as z from 'zod';
import { POOLS } from '../../core/descriptors.ts';
import { TAPS } from '../../core/taps.ts';
import { modelFacts } from './answer.ts';

const { preprocess, engine, untrained } = modelFacts;

export const modelAnswer = z.strictObject({
  id: z.string().describe('Name and content hash.'),
  object: z.literal('model'),
  created: z.int().describe("OpenAI's field. A model's bytes do not depend on when they were made: 0."),
  owned_by: z.string(),
  name: z.string(),
  preprocess,
  engine,
  untrained,
  trained: z.boolean(),
  precision: z.enum(['int8', 'fp16', 'fp32']),
  network: z.record(z.string(), z.unknown()).describe('The configuration, as in model.json.'),
  taps: z.array(z.strictObject({ name: z.enum(TAPS), shape: z.array(z.int()) })),
  labels: z.int().describe('Classes with a name.'),
  labels_trained: z
    .int()
    .optional()
    .describe('Of these, classes trained with labelled photographs; the others by a teacher network alone.'),
  classes: z
    .array(
      z.strictObject({
        label: z.string().nullable(),
        id: z.string().optional().describe("The class's id in the data set, such as a WordNet id."),
        trained_with: z.enum(['labels', 'teacher']).optional().describe('What taught the class.'),
      }),
    )
    .optional()
    .describe('Every class in the order of the scores; only where one model is asked for.'),
  memory_bytes: z
    .int()
    .describe('Memory that the model holds here now. WASM memory never shrinks: it is the peak as well.'),
  peak_memory_bytes: z
    .int()
    .describe('The most that the model and, at the edge, decoding have held here: their peaks, added up.'),
  default_descriptor: z
    .strictObject({ layer: z.enum(TAPS), pool: z.enum(POOLS) })
    .optional()
    .describe('What measured best for search with this model.'),
  projections: z
    .array(z.strictObject({ id: z.string(), layer: z.enum(TAPS), pool: z.enum(POOLS), dimensions: z.int() }))
    .describe('What the option dimensions may be, by layer and pool.'),
  fidelity: z.record(z.string(), z.unknown()).describe('Measured when the model was built.'),
  licence: z.string(),
});

export const modelsAnswer = z.strictObject({ object: z.literal('list'), data: z.array(modelAnswer) });

export type ModelAnswer = z.infer<typeof modelAnswer>;
export type ModelsAnswer = z.infer<typeof modelsAnswer>;
