// A request's body → bytes: the declared length is judged before anything is read, the streamed length
// while it arrives, and both against a clock.

import { InputError } from '../core/errors.ts';
import type { RequestFacts } from './request-facts.ts';

export interface BodyLimits {
  readonly maxBytes: number;
  /** Milliseconds for the whole body. */
  readonly timeout: number;
}

/**
 * Counts in `facts` what was read, of a refused body too. Throws InputError: `body_too_large`, `body_timeout`,
 * `bad_request` for an empty or broken body.
 */
export async function readBody(
  request: Request,
  limits: BodyLimits,
  facts: Pick<RequestFacts, 'requestBytes'>,
): Promise<Uint8Array<ArrayBuffer>> {
  const declared = checkDeclared(request, limits);
  const reader = request.body?.getReader();
  if (reader === undefined) throw empty();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    reader.cancel().catch(() => undefined);
  }, limits.timeout);
  try {
    const body = await collect(reader, declared, limits, facts);
    if (late) throw tooLate(limits);
    if (body.length === 0) throw empty();
    return body;
  } catch (cause) {
    // What was cut off by the clock looks like a body that is too short.
    if (late) throw tooLate(limits);
    if (cause instanceof InputError) throw cause;
    throw new InputError('bad_request', 'The body broke off before its end.', { cause });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * The length that the headers declare. Throws InputError before a byte is read: `body_too_large`, and
 * `unsupported_media_type` for a compressed body, of which a few bytes could become gigabytes.
 */
export function checkDeclared(request: Request, { maxBytes }: BodyLimits): number | undefined {
  const coding = request.headers.get('content-encoding')?.trim().toLowerCase() ?? 'identity';
  if (coding !== 'identity') {
    throw new InputError(
      'unsupported_media_type',
      `Expected a body without content-encoding but found '${coding.slice(0, 40)}'. Images are compressed as they are.`,
      { param: 'content-encoding' },
    );
  }
  const header = request.headers.get('content-length');
  if (header === null || !/^\d+$/.test(header)) return undefined;
  if (Number(header) > maxBytes) throw tooLarge(maxBytes, header);
  return Number(header);
}

/** With a declared length one array of that size; otherwise the pieces, joined at the end. */
async function collect(
  reader: ReadableStreamDefaultReader<Uint8Array>,
  declared: number | undefined,
  { maxBytes }: BodyLimits,
  facts: Pick<RequestFacts, 'requestBytes'>,
): Promise<Uint8Array<ArrayBuffer>> {
  const pieces: Uint8Array[] = [];
  let body = new Uint8Array(declared ?? 0);
  let length = 0;
  for (;;) {
    const { done, value } = await reader.read();
    if (done) break;
    facts.requestBytes = length + value.length;
    if (length + value.length > maxBytes) {
      reader.cancel().catch(() => undefined);
      throw tooLarge(maxBytes, 'more');
    }
    if (declared === undefined) pieces.push(value);
    else if (length + value.length <= declared) body.set(value, length);
    length += value.length;
  }
  if (declared === undefined) {
    body = new Uint8Array(length);
    let offset = 0;
    for (const piece of pieces) {
      body.set(piece, offset);
      offset += piece.length;
    }
  } else if (length !== declared) {
    throw new InputError(
      'bad_request',
      `Expected ${declared} bytes of body, as declared, but found ${length}.`,
    );
  }
  return body;
}

function tooLarge(maxBytes: number, found: string): InputError {
  return new InputError(
    'body_too_large',
    `Expected at most ${maxBytes} bytes for the body but found ${found}. Send a smaller image, or fewer at once.`,
  );
}

function tooLate({ timeout }: BodyLimits): InputError {
  return new InputError('body_timeout', `Expected the body within ${timeout} ms.`);
}

function empty(): InputError {
  return new InputError('bad_request', 'Expected an image in the body but the body is empty.');
}
