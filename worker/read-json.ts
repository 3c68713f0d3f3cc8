// A body → a JSON object.

import { InputError } from '../core/errors.ts';

/** Throws InputError('unsupported_media_type') for any other content type. */
export function checkJsonType(contentType = ''): void {
  const type = contentType.split(';')[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/json') return;
  throw new InputError(
    'unsupported_media_type',
    `Expected application/json for content-type but found '${type}'.`,
    { param: 'content-type' },
  );
}

/** Throws InputError('invalid_json') for anything but a JSON object in UTF-8. */
export function parseJsonObject(body: Uint8Array): Record<string, unknown> {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(body));
  } catch (cause) {
    throw new InputError('invalid_json', 'Expected JSON in the body but it cannot be parsed.', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError('invalid_json', 'Expected a JSON object in the body.');
  }
  return { ...value };
}
