// A request's body → bytes: the declared length is judged before anything is read, the streamed length
// while it arrives, and both against a clock.

import { InputError } from '../core/errors.ts';
import { releaseBytes } from '../core/release-bytes.ts';
import { openPieces, type Pieces } from './body-pieces.ts';
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
  if (request.body === null) throw empty();
  const pieces = openPieces(request.body);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    pieces.cancel();
  }, limits.timeout);
  try {
    const body = await collect(pieces, declared, limits, facts);
    if (late) throw tooLate(limits);
    if (body.length === 0) throw empty();
    return body;
  } catch (cause) {
    formStack(cause);
    // What was cut off by the clock looks like a body that is too short.
    if (late) throw tooLate(limits);
    if (cause instanceof InputError) throw cause;
    throw new InputError('bad_request', 'The body broke off before its end.', { cause });
  } finally {
    clearTimeout(timer);
  }
}

/**
 * workerd keeps the error of a client that left, and an error keeps the functions on its stack with all they hold, here
 * the whole request, until the stack's text is formed: 4 KB for each such upload.
 */
function formStack(cause: unknown): void {
  if (cause instanceof Error) void cause.stack;
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

/** Where no length is declared. */
const FIRST_BYTES = 64 * 1024;

/** One buffer, which grows where no length is declared; a byte more than may come shows that more did. */
async function collect(
  pieces: Pieces,
  declared: number | undefined,
  { maxBytes }: BodyLimits,
  facts: Pick<RequestFacts, 'requestBytes'>,
): Promise<Uint8Array<ArrayBuffer>> {
  const most = declared ?? maxBytes;
  let buffer = new ArrayBuffer(Math.min(declared ?? FIRST_BYTES, most) + 1);
  let length = 0;
  for (;;) {
    if (length === buffer.byteLength) buffer = buffer.transfer(Math.min(2 * length, most + 1));
    const piece = await pieces.read(buffer, length);
    buffer = piece.buffer;
    if (piece.done) break;
    length += piece.bytes;
    facts.requestBytes = length;
    if (length <= most) continue;
    pieces.cancel();
    releaseBytes(new Uint8Array(buffer));
    throw declared === undefined ? tooLarge(maxBytes, 'more') : otherLength(declared, 'more');
  }
  if (declared !== undefined && length !== declared) throw otherLength(declared, `${length}`);
  return new Uint8Array(buffer, 0, length);
}

function otherLength(declared: number, found: string): InputError {
  return new InputError(
    'bad_request',
    `Expected ${declared} bytes of body, as declared, but found ${found}.`,
  );
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
