// A body → a JSON object.

import { InputError } from '../core/errors.ts';

/** The type without its parameters, in lower case. */
export function mediaType(contentType: string): string {
  return contentType.split(';')[0]?.trim().toLowerCase() ?? '';
}

/** Throws InputError('unsupported_media_type') for any other content type. */
export function checkJsonType(contentType = ''): void {
  const type = mediaType(contentType);
  if (type === 'application/json') return;
  throw new InputError(
    'unsupported_media_type',
    `Expected application/json for content-type but found '${type}'.`,
    { param: 'content-type' },
  );
}

/** No request of ours is nested deeper than 6; code that walks a value has a stack. */
const MAX_DEPTH = 32;
/** Names of fields: 1,000 items with a hundred each. A body full of them would take the parser seconds. */
const MAX_NAMES = 100_000;

/**
 * Throws InputError('invalid_json') for anything but a JSON object in UTF-8, and for one of absurd form;
 * 'invalid_option' for a field `__proto__`.
 */
export function parseJsonObject(body: Uint8Array): Record<string, unknown> {
  checkShape(body);
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder('utf-8', { fatal: true, ignoreBOM: false }).decode(body));
  } catch (cause) {
    throw new InputError('invalid_json', 'Expected JSON in the body but it cannot be parsed.', { cause });
  }
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw new InputError('invalid_json', 'Expected a JSON object in the body.');
  }
  refuseProto(value);
  return { ...value };
}

/**
 * Whoever copies an object loses a field of this name, or worse: refused wherever it stands, so that nothing
 * sent is ignored. `checkShape` has bounded the depth.
 */
function refuseProto(value: unknown): void {
  if (typeof value !== 'object' || value === null) return;
  if (Object.hasOwn(value, '__proto__')) {
    throw new InputError('invalid_option', "Expected no field named '__proto__' but found one.", {
      param: '__proto__',
    });
  }
  for (const inner of Object.values(value)) refuseProto(inner);
}

const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const [OPEN_LIST, CLOSE_LIST, OPEN_OBJECT, CLOSE_OBJECT] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Counts brackets and colons outside of strings: 10 MB in milliseconds, before anything is made of them. */
function checkShape(body: Uint8Array): void {
  let depth = 0;
  let names = 0;
  let inString = false;
  for (let at = 0; at < body.length; at += 1) {
    const byte = body[at];
    if (inString) {
      if (byte === BACKSLASH) at += 1;
      else if (byte === QUOTE) inString = false;
    } else if (byte === QUOTE) inString = true;
    else if (byte === OPEN_LIST || byte === OPEN_OBJECT) {
      depth += 1;
      if (depth > MAX_DEPTH) throw absurd(`nested at most ${MAX_DEPTH} deep`);
    } else if (byte === CLOSE_LIST || byte === CLOSE_OBJECT) depth -= 1;
    else if (byte === COLON) {
      names += 1;
      if (names > MAX_NAMES) throw absurd(`with at most ${MAX_NAMES} names`);
    }
  }
}

function absurd(expected: string): InputError {
  return new InputError('invalid_json', `Expected JSON ${expected} but found more.`);
}
