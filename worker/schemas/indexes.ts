// The routes /v1/indexes: what goes in and what comes out.

import * as z from 'zod';
import { POOLS } from '../../core/descriptors.ts';
import { TAPS } from '../../core/taps.ts';
import { MAX_TOP_K, MAX_UPSERT_ITEMS, vectorSpaceSchema } from '../../core/vector-store.ts';
import { itemErrors } from './answer.ts';
import { imageInput, vectorInput } from './input.ts';

const name = z.string().describe('1 to 63 of a–z, 0–9 and -, not beginning with -.');
const id = z.string().describe('1 to 512 bytes of UTF-8.');
const ids = z.array(id).min(1).max(MAX_UPSERT_ITEMS);
const space = vectorSpaceSchema.describe('What the vectors are of; refused where the index holds others.');
const cosine = z.number().min(-1).max(1);
const metadata = z
  .record(z.string(), z.union([z.string(), z.number(), z.boolean()]))
  .describe('Flat: names of letters, digits and _; at most 10 KiB as JSON.');

// Read loosely here and checked in search/metadata-filter.ts, whose errors name the field.
const metadataInput = z
  .record(z.string(), z.unknown())
  .default({})
  .describe('Flat: names of letters, digits and _; at most 10 KiB as JSON.')
  .meta({ additionalProperties: { type: ['string', 'number', 'boolean'] } });
const filterInput = z
  .record(z.string(), z.unknown())
  .describe('Over the metadata; all must hold: a value, {"in": [values]}, or a range of gt, gte, lt, lte.');

export const createIndexRequest = z.strictObject({
  name,
  layer: z.enum(TAPS).optional().describe('With neither layer nor pool: what the model was found best at.'),
  pool: z.enum(POOLS).optional().describe('Over the feature map: gem by default; none for other layers.'),
  dimensions: z.int().min(1).optional().describe('Fewer, where a projection was fitted to the model.'),
  space: space
    .optional()
    .describe(
      'In place of layer, pool and dimensions, which are refused beside it: for vectors made elsewhere.',
    ),
});

export const upsertRequest = z.strictObject({
  items: z
    .array(
      z.strictObject({
        id,
        image: imageInput.optional(),
        vector: vectorInput.optional(),
        metadata: metadataInput,
      }),
    )
    .min(1)
    .max(MAX_UPSERT_ITEMS)
    .describe('Each with an image, or each with a vector.'),
  space: space.optional().describe('Of the vectors; refused beside images.'),
});

export const aliasRequest = z.strictObject({
  index: name.describe('The index that the alias names from now on; no alias itself.'),
});

export const idsRequest = z.strictObject({ ids });

export const searchOptions = z.strictObject({
  top_k: z.int().min(1).max(MAX_TOP_K).default(10).describe('Hits wanted.'),
  min_score: cosine.optional().describe('Lowest cosine of a hit.'),
  filter: filterInput.optional(),
  exclude_self: z
    .boolean()
    .default(false)
    .describe('Leaves out the item asked by; for an image or a vector, items of cosine ≥ 0.999.'),
  fold: cosine.optional().describe('Cosine from which hits are folded into a better one.'),
});

export const searchRequest = z.strictObject({
  ...searchOptions.shape,
  input: imageInput.optional().describe('An image; exactly one of input, vector and id.'),
  vector: vectorInput.optional(),
  id: id.optional(),
  space: space.optional().describe('Of the vector; refused beside an image or an id.'),
});

export const indexAnswer = z.strictObject({
  object: z.literal('index'),
  name,
  space: vectorSpaceSchema.describe('What the vectors are of.'),
  items: z.int().min(0).describe('Held; a store that writes asynchronously may lag.'),
});

export const indexesAnswer = z.strictObject({
  object: z.literal('list'),
  data: z.array(indexAnswer.extend({ aliases: z.array(name).describe('That name this index.') })),
});

export const aliasAnswer = z.strictObject({ object: z.literal('alias'), alias: name, index: name });

export const aliasesAnswer = z.strictObject({ object: z.literal('list'), data: z.array(aliasAnswer) });

export const aliasDeletedAnswer = z.strictObject({
  object: z.literal('alias.deleted'),
  alias: name,
  deleted: z.literal(true),
});

export const indexDeletedAnswer = z.strictObject({
  object: z.literal('index.deleted'),
  name,
  deleted: z.literal(true),
});

export const upsertAnswer = z.strictObject({
  object: z.literal('index.upsert'),
  upserted: z.int().min(1).describe('Items stored.'),
  errors: itemErrors,
});

export const itemsAnswer = z.strictObject({
  object: z.literal('list'),
  data: z
    .array(
      z.strictObject({
        id,
        metadata,
        vector: z.string().describe('Of length 1: little-endian float32 in base64.'),
      }),
    )
    .describe('Those of the ids that exist, in the order asked.'),
});

export const itemsDeletedAnswer = z.strictObject({
  object: z.literal('index.items.deleted'),
  ids: z.array(id).describe('As asked; those that did not exist are passed over.'),
});

export const searchAnswer = z.strictObject({
  object: z.literal('list'),
  data: z
    .array(
      z.strictObject({
        id,
        score: cosine,
        metadata,
        folded: z.array(id).describe('Near-duplicates that this hit stands for, best first.'),
      }),
    )
    .describe('Best first; equal scores in order of id.'),
});

export type CreateIndexRequest = z.input<typeof createIndexRequest>;
export type SearchOptions = z.input<typeof searchOptions>;
export type AliasAnswer = z.infer<typeof aliasAnswer>;
export type AliasesAnswer = z.infer<typeof aliasesAnswer>;
export type AliasDeletedAnswer = z.infer<typeof aliasDeletedAnswer>;
export type IndexAnswer = z.infer<typeof indexAnswer>;
export type IndexesAnswer = z.infer<typeof indexesAnswer>;
export type IndexDeletedAnswer = z.infer<typeof indexDeletedAnswer>;
export type UpsertAnswer = z.infer<typeof upsertAnswer>;
export type ItemsAnswer = z.infer<typeof itemsAnswer>;
export type ItemsDeletedAnswer = z.infer<typeof itemsDeletedAnswer>;
export type SearchAnswer = z.infer<typeof searchAnswer>;
