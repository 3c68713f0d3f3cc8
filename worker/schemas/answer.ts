// What every route gives back besides its own result: errors, single failures of a list, identity.

import * as z from 'zod';

const apiError = z.strictObject({
  message: z.string().describe('What was wrong, where, what was expected, what to do.'),
  type: z
    .string()
    .describe('Whose turn it is: the caller (invalid_request_error), the operator, or to try again.'),
  param: z.string().nullable().describe('The option or field the message is about.'),
  code: z.string().describe('For programs.'),
});

const itemError = z.strictObject({
  index: z.int().min(0).describe("The item's place in the request's list."),
  error: apiError,
});

export const itemErrors = z
  .array(itemError)
  .optional()
  .describe('Items without a result; only if all fail is the status an error.');

export const errorAnswer = z.strictObject({
  error: apiError,
  errors: itemErrors.describe(
    'Of a list of which nothing worked, or of which all must for a vector file: each item that failed.',
  ),
});

/** Facts of the model that stand in every answer. */
export const modelFacts = {
  model: z.string().describe('Name and content hash; vectors of different models never mix.'),
  preprocess: z.string().describe('Names the preprocessing contract.'),
  engine: z.string().describe('What ran the network.'),
  untrained: z.literal(true).optional().describe('Seeded random weights, for trying things out.'),
};

export const labelledClass = z.strictObject({
  label: z.string().nullable().describe('Null where the model has no names for its classes.'),
  class: z.int().min(0).describe('Place among the scores.'),
  probability: z.number().min(0).max(1).describe('Softmax over all classes.'),
  logit: z.number(),
  id: z.string().optional().describe('Of the class in its data set: a WordNet id.'),
  trained_with: z
    .enum(['labels', 'teacher'])
    .optional()
    .describe("Labelled photographs, or only a teacher network's probabilities: much less reliable."),
});

/** Values, or little-endian bytes in base64. */
export const vectorValues = z.union([z.array(z.number()), z.string()]);

export type ApiError = z.infer<typeof apiError>;
export type ErrorAnswer = z.infer<typeof errorAnswer>;
export type ItemError = z.infer<typeof itemError>;
export type LabelledClass = z.infer<typeof labelledClass>;
