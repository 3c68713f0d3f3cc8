// How much one request may ask for and how much is taken in at once: the Worker's variables, with the
// defaults that fit an isolate of 128 MB. wrangler.toml explains each.

import * as z from 'zod';
import { InputError } from '../core/errors.ts';

const MIB = 1024 * 1024;

const wholeNumber = z.coerce.number().int().min(1);

const variables = z.object({
  MAX_BODY_BYTES: wholeNumber.default(10 * MIB),
  MAX_IMAGE_BYTES: wholeNumber.default(10 * MIB),
  MAX_IMAGE_PIXELS: wholeNumber.default(50_000_000),
  MAX_IMAGES: wholeNumber.default(16),
  MAX_RUNNING: wholeNumber.default(2),
  MAX_WAITING: wholeNumber.default(62),
  BODY_TIMEOUT_MS: wholeNumber.default(10_000),
  MAX_INDEXES: wholeNumber.default(200),
});

export interface Limits {
  /** Bytes of a request's body. */
  readonly maxBodyBytes: number;
  /** Bytes of one encoded image. */
  readonly maxImageBytes: number;
  /** Width × height of one image, from its header. */
  readonly maxImagePixels: number;
  /** Images in one request. */
  readonly maxImages: number;
  /** Requests whose bodies are in memory at once. */
  readonly maxRunning: number;
  /** Requests that wait for a place; their bodies are not read yet. */
  readonly maxWaiting: number;
  /** Milliseconds in which a body has to arrive. */
  readonly bodyTimeout: number;
  /** Indexes of the deployment. */
  readonly maxIndexes: number;
}

/** Throws InputError naming the variable that is not a whole number ≥ 1. */
export function readLimits(bindings: object): Limits {
  const result = variables.safeParse(bindings);
  if (!result.success) {
    const name = result.error.issues[0]?.path.join('.') ?? '';
    throw new InputError(
      'invalid_argument',
      `Expected a whole number ≥ 1 for the variable ${name} but found ${String(Reflect.get(bindings, name))}.`,
      { param: name },
    );
  }
  const values = result.data;
  return {
    maxBodyBytes: values.MAX_BODY_BYTES,
    maxImageBytes: values.MAX_IMAGE_BYTES,
    maxImagePixels: values.MAX_IMAGE_PIXELS,
    maxImages: values.MAX_IMAGES,
    maxRunning: values.MAX_RUNNING,
    maxWaiting: values.MAX_WAITING,
    bodyTimeout: values.BODY_TIMEOUT_MS,
    maxIndexes: values.MAX_INDEXES,
  };
}
