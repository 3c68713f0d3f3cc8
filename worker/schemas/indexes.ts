// The routes /v1/indexes: what goes in.

import { z } from 'zod';
import { POOLS } from '../../core/descriptors.ts';
import { TAPS } from '../../core/taps.ts';
import { MAX_TOP_K, MAX_UPSERT_ITEMS, vectorSpaceSchema } from '../../core/vector-store.ts';
import { imageInput, vectorInput } from './input.ts';

const id = z.string().describe('1 to 512 bytes of UTF-8.');
const ids = z.array(id).min(1).max(MAX_UPSERT_ITEMS);
const space = vectorSpaceSchema.describe('What the vectors are of; refused where the index holds others.');

export const createIndexRequest = z.strictObject({
  name: z.string(),
  layer: z.enum(TAPS).optional().describe('With neither layer nor pool: what the model was found best at.'),
  pool: z.enum(POOLS).optional().describe('Over the feature map: gem by default; none for other layers.'),
  dimensions: z.int().min(1).optional().describe('Fewer, where a projection was fitted to the model.'),
  space: space.optional().describe('In place of layer, pool and dimensions: for vectors made elsewhere.'),
});

export const upsertRequest = z.strictObject({
  items: z
    .array(
      z.strictObject({
        id,
        image: imageInput.optional(),
        vector: vectorInput.optional(),
        metadata: z.record(z.string(), z.unknown()).default({}),
      }),
    )
    .min(1)
    .max(MAX_UPSERT_ITEMS),
  space: space.optional().describe('Of the vectors; not needed for images.'),
});

export const idsRequest = z.strictObject({ ids });

export const searchOptions = z.strictObject({
  top_k: z.number().default(10).describe(`1 to ${MAX_TOP_K}`),
  min_score: z.number().optional().describe('Lowest cosine, -1 to 1.'),
  filter: z.record(z.string(), z.unknown()).optional().describe('Over the metadata; see docs/search.md.'),
  exclude_self: z.boolean().default(false),
  fold: z.number().optional().describe('Cosine from which hits are folded into a better one.'),
});

export const searchRequest = z.strictObject({
  ...searchOptions.shape,
  input: imageInput.optional(),
  vector: vectorInput.optional(),
  id: id.optional(),
  space: space.optional().describe('Of the vector; not needed for an image or an id.'),
});
