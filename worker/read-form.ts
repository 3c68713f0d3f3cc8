// A body → the images and options of a form (RFC 7578).

import type * as z from 'zod';
import { InputError } from '../core/errors.ts';
import type { Limits } from './limits.ts';
import { textOptions } from './parse-options.ts';

/** Fields beside the images; no route has more than a dozen options. */
const MAX_OPTIONS = 64;

export interface FormReading {
  /** Of the options. */
  readonly schema: z.ZodObject;
  readonly limits: Pick<Limits, 'maxImages'>;
}

/** Its images, which are the fields `image`, and its options. Throws InputError: `bad_request`, `invalid_option`. */
export async function readForm(
  body: Uint8Array<ArrayBuffer>,
  contentType: string,
  { schema, limits }: FormReading,
): Promise<{ files: File[]; fields: Record<string, unknown> }> {
  checkParts(body, contentType, limits.maxImages + MAX_OPTIONS);
  let form: FormData;
  try {
    form = await new Response(body, { headers: { 'content-type': contentType } }).formData();
  } catch (cause) {
    throw new InputError('bad_request', 'Expected multipart/form-data but the body is not.', { cause });
  }
  const files: File[] = [];
  const texts: [string, string][] = [];
  for (const [name, value] of form.entries()) {
    if (name !== 'image') {
      if (typeof value === 'string') texts.push([name, value]);
      else throw notAFile(name, "an image in a field named 'image'");
    } else if (typeof value === 'string') throw notAFile(name, 'a file');
    else files.push(value);
  }
  return { files, fields: textOptions(texts, schema) };
}

function notAFile(name: string, expected: string): InputError {
  return new InputError('invalid_option', `Expected ${expected} but found another kind of field ${name}.`, {
    param: name,
  });
}

/**
 * Counts the parts before they are parsed: 10 MB of parts of a few bytes would take the platform's parser
 * seconds. Throws InputError: `invalid_option` beyond `max`, `bad_request` without a boundary.
 */
function checkParts(body: Uint8Array, contentType: string, max: number): void {
  const [, quoted, plain] = /;\s*boundary=(?:"([^"]*)"|([^;\s]*))/i.exec(contentType) ?? [];
  const boundary = quoted ?? plain ?? '';
  if (boundary === '') {
    throw new InputError('bad_request', 'Expected a boundary in the content type of a form but found none.', {
      param: 'content-type',
    });
  }
  const delimiter = new TextEncoder().encode(`--${boundary}`);
  const first = delimiter[0] ?? 0;
  // The last delimiter ends the form and begins no part.
  let left = max + 1;
  for (let at = body.indexOf(first); at !== -1; at = body.indexOf(first, at + 1)) {
    if (!delimiter.every((byte, index) => body[at + index] === byte)) continue;
    if (left === 0) {
      throw new InputError('invalid_option', `Expected at most ${max} parts of a form but found more.`, {
        param: 'image',
      });
    }
    left -= 1;
    at += delimiter.length - 1;
  }
}
