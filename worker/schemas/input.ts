// What every route takes in: images and a crop box. Schemas are the one source of validation, of types, of
// /openapi.json and of the client's types.

import * as z from 'zod';

export const cropBox = z
  .strictObject({
    unit: z.enum(['pixels', 'fractions']).default('pixels'),
    left: z.number().min(0),
    top: z.number().min(0),
    width: z.number().positive(),
    height: z.number().positive(),
  })
  .describe('A box of the upright image: pixels, or fractions 0…1 of its sides.');

const imageText = z
  .string()
  .min(1)
  .describe('A data URI, base64 of an image file, or (where the operator allows its host) an https URL.');

export const imageObject = z
  .strictObject({ image: imageText, crop: cropBox.optional() })
  .describe('An image with its own crop box.');

export const imageInput = z.union([imageText, imageObject]);

/** For the document: requests are read item by item (worker/image-input.ts), so that one fails alone. */
export const imageInputs = z
  .union([imageInput, z.array(imageInput).min(1)])
  .describe("One image or a list of images, at most as many as the operator's MAX_IMAGES.");

/** Accepted because OpenAI's clients may send it; never read or logged. */
export const user = z.string().max(256).optional().describe('Ignored.');

export const modelName = z
  .string()
  .max(128)
  .optional()
  .describe("The served model's name or id; anything else is refused. Left out: the served model.");

export const topK = z
  .int()
  .min(1)
  .optional()
  .describe('How many classes, best first: 5, or all of them where there are fewer.');

export type ImageInput = z.input<typeof imageInput>;

export const vectorInput = z
  .union([z.array(z.number()).min(1), z.base64()], {
    error: 'Expected a list of finite numbers, or little-endian float32 in base64',
  })
  .describe('Values, or little-endian float32 bytes in base64.');
