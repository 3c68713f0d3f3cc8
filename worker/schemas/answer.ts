// What every route gives back besides its own result: errors, single failures of a list, identity.

import { z } from 'zod';

export const apiError = z.strictObject({
  message: z.string().describe('What was wrong, where, what was expected, what to do.'),
  type: z
    .string()
    .describe('Whose turn it is: the caller (invalid_request_error), the operator, or to try again.'),
  param: z.string().nullable().describe('The option or field the message is about.'),
  code: z.string().describe('For programs.'),
});

export const errorAnswer = z.strictObject({ error: apiError });

export const itemError = z.strictObject({
  index: z.int().min(0).describe("The item's place in the request's list."),
  error: apiError,
});

export const itemErrors = z
  .array(itemError)
  .optional()
  .describe('Items without a result; only if all fail is the status an error.');

export const label = z.strictObject({
  index: z.int().min(0).describe('Place among the scores.'),
  label: z.string().describe("The class's name, or its index where the model has no names."),
  probability: z.number().min(0).max(1).describe('Softmax over all classes.'),
  logit: z.number(),
});

/** Values, or little-endian bytes in base64. */
export const vectorValues = z.union([z.array(z.number()), z.string()]);

export type ApiError = z.infer<typeof apiError>;
export type ErrorAnswer = z.infer<typeof errorAnswer>;
export type ItemError = z.infer<typeof itemError>;
export type Label = z.infer<typeof label>;
