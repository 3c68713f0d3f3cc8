// POST /v1/classify and POST /v1/analyze: labels, and labels with the features of the same pass.

import * as z from 'zod';
import { itemErrors, labelledClass, modelFacts, vectorValues } from './answer.ts';
import { vectorFormat } from './embeddings.ts';
import { cropBox, imageInputs, modelName, topK, user } from './input.ts';

const shared = {
  crop: cropBox.optional().describe('A crop box for every image without its own.'),
  model: modelName,
  user,
  top_k: topK,
};

export const classifyOptions = z.strictObject(shared);
export const classifyRequest = z.strictObject({ input: imageInputs, ...shared });

const identity = {
  errors: itemErrors,
  ...modelFacts,
};

export const classification = z.strictObject({
  object: z.literal('classification'),
  index: z.int().min(0),
  classes: z.array(labelledClass),
});

export const classifyAnswer = z.strictObject({
  object: z.literal('list'),
  data: z.array(classification),
  ...identity,
});

export const analyzeOptions = z.strictObject({
  ...shared,
  encoding_format: vectorFormat.shape.encoding_format,
});
export const analyzeRequest = z.strictObject({ input: imageInputs, ...analyzeOptions.shape });

export const analysis = z.strictObject({
  object: z.literal('analysis'),
  index: z.int().min(0),
  features: vectorValues.describe('25088 values: the flattened 512×7×7 map before the classifier.'),
  scores: vectorValues.describe('One logit per class.'),
  classes: z.array(labelledClass),
});

export const analyzeAnswer = z.strictObject({
  object: z.literal('list'),
  data: z.array(analysis),
  ...identity,
});

export type ClassifyRequest = z.input<typeof classifyRequest>;
export type ClassifyAnswer = z.infer<typeof classifyAnswer>;
export type AnalyzeRequest = z.input<typeof analyzeRequest>;
export type AnalyzeAnswer = z.infer<typeof analyzeAnswer>;
