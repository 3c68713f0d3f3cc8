// GET /v1/models: what is served, and what it can give.

import { z } from 'zod';
import { POOLS } from '../../core/descriptors.ts';
import { TAPS } from '../../core/taps.ts';

export const servedModel = z.strictObject({
  id: z.string().describe('Name and content hash.'),
  object: z.literal('model'),
  created: z.int().describe("OpenAI's field: Unix seconds; 0 where the build does not record it."),
  owned_by: z.string(),
  name: z.string(),
  network: z.string(),
  trained: z.boolean(),
  engine: z.string(),
  precision: z.string(),
  preprocess: z.string(),
  layers: z.array(z.strictObject({ name: z.enum(TAPS), shape: z.array(z.int()) })),
  classes: z.int(),
  projections: z.array(
    z.strictObject({ id: z.string(), layer: z.enum(TAPS), pool: z.enum(POOLS), dimensions: z.int() }),
  ),
  fidelity: z.record(z.string(), z.unknown()).describe('Measured when the model was built.'),
  licence: z.string(),
});

export const modelsAnswer = z.strictObject({ object: z.literal('list'), data: z.array(servedModel) });

export type ServedModel = z.infer<typeof servedModel>;
export type ModelsAnswer = z.infer<typeof modelsAnswer>;
