// POST /v1/embeddings: OpenAI's shape, with images.

import * as z from 'zod';
import { POOLS } from '../../core/descriptors.ts';
import { VECTOR_DTYPES } from '../../core/quantise-vector.ts';
import { TAPS } from '../../core/taps.ts';
import { itemErrors, modelFacts, vectorValues } from './answer.ts';
import { cropBox, imageInputs, modelName, user } from './input.ts';

/** The options of a descriptor, in whichever way they are sent. */
export const descriptorOptions = z.strictObject({
  layer: z.enum(TAPS).default('features').describe('The layer whose output is the embedding.'),
  pool: z.enum(POOLS).default('none').describe('Pooling over the 7×7 map; only with the layer features.'),
  dimensions: z
    .int()
    .min(1)
    .optional()
    .describe(
      "The layer's own length, or that of a projection fitted with 'vgg-edge fit': GET /v1/models lists them. Never a slice.",
    ),
  normalize: z.boolean().default(true).describe('To Euclidean length 1.'),
});

export const vectorFormat = z.strictObject({
  encoding_format: z
    .enum(['float', 'base64'])
    .default('float')
    .describe('Numbers, or little-endian bytes in base64.'),
  dtype: z
    .enum(VECTOR_DTYPES)
    .default('float32')
    .describe(
      'int8: value ≈ scale × q with scale = max|v| / 127 for each vector. ' +
        "binary: one bit per value, set above the vector's mean, packed with the first value in the highest bit.",
    ),
});

export const embeddingsOptions = z.strictObject({
  ...descriptorOptions.shape,
  ...vectorFormat.shape,
  crop: cropBox.optional().describe('A crop box for every image without its own.'),
  model: modelName,
  user,
});

export const embeddingsRequest = z.strictObject({ input: imageInputs, ...embeddingsOptions.shape });

export const embedding = z.strictObject({
  object: z.literal('embedding'),
  index: z.int().min(0),
  embedding: vectorValues,
  scale: z.number().min(0).optional().describe('With dtype int8: value ≈ scale × q.'),
});

export const embeddingsAnswer = z.strictObject({
  object: z.literal('list'),
  data: z.array(embedding),
  errors: itemErrors,
  ...modelFacts,
  layer: z.enum(TAPS),
  pool: z.enum(POOLS),
  normalize: z.boolean(),
  dtype: z.enum(VECTOR_DTYPES),
  dimensions: z.int().describe('Values of each vector.'),
  projection: z.string().optional().describe('Identity of the projection that gave these dimensions.'),
  usage: z
    .strictObject({ prompt_tokens: z.int(), total_tokens: z.int() })
    .describe("OpenAI's fields; images have no tokens."),
});

export type EmbeddingsOptions = z.output<typeof embeddingsOptions>;
export type EmbeddingsRequest = z.input<typeof embeddingsRequest>;
export type EmbeddingsAnswer = z.infer<typeof embeddingsAnswer>;
