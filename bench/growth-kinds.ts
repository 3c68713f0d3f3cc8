// The requests whose leavings `npm run bench -- growth` measures: answered, refused, and given up by their clients.

import { Agent, type IncomingMessage, request } from 'node:http';

export interface Kind {
  readonly name: string;
  /** What became of it: the answer's status, or how the client left. */
  readonly send: (url: string) => Promise<string>;
  /** At once; 1 if left out. */
  readonly together?: number;
  /** A Worker of three lines in place of this one. */
  readonly isControl?: true;
  /** With answers stored. */
  readonly isCached?: true;
}

const MIB = 1024 * 1024;
/** Of wrangler.toml. */
const MAX_BODY_BYTES = 10 * MIB;
const PIECE = new Uint8Array(64 * 1024);
const CLASSIFY = '/v1/classify';
const ANALYZE = '/v1/analyze';
/** Milliseconds after which a client leaves. */
const PATIENCE = 30;

/** `image` is a small JPEG. */
export function growthKinds(image: Uint8Array): Kind[] {
  // What comes after a JPEG's end is not looked at, and has to be read none the less.
  const largest = new Uint8Array(MAX_BODY_BYTES);
  largest.set(image);
  const half = image.subarray(0, image.length >> 1);
  const length = { 'content-length': String(image.length) };
  return [
    { name: 'control', send: (url) => post(url, '/', { pieces: [image] }), isControl: true },
    { name: 'metrics', send: (url) => get(url, '/metrics') },
    { name: 'not-found', send: (url) => get(url, '/nowhere') },
    { name: 'broken', send: (url) => post(url, CLASSIFY, { pieces: [image.subarray(0, 1000)] }) },
    { name: 'classify', send: (url) => post(url, CLASSIFY, { pieces: [image] }) },
    { name: 'analyze', send: (url) => post(url, ANALYZE, { pieces: [image] }) },
    { name: 'largest', send: (url) => post(url, CLASSIFY, { pieces: [largest] }) },
    { name: 'cached', send: (url) => post(url, ANALYZE, { pieces: [image] }), isCached: true },
    // Far more than there are places for.
    { name: 'overloaded', send: (url) => post(url, ANALYZE, { pieces: [image] }), together: 32 },
    {
      name: 'too-large',
      send: (url) => post(url, CLASSIFY, { pieces: [PIECE], headers: { 'content-length': '20000000' } }),
    },
    {
      name: 'too-large-chunked',
      send: (url) =>
        post(url, CLASSIFY, {
          pieces: Array.from({ length: (12 * MIB) / PIECE.length }, () => PIECE),
          headers: { 'transfer-encoding': 'chunked' },
        }),
    },
    { name: 'left-sending', send: (url) => leave(url, { pieces: [half], headers: length }), together: 8 },
    { name: 'left-waiting', send: (url) => leave(url, { pieces: [image] }), together: 8 },
    { name: 'left-reading', send: (url) => leave(url, { pieces: [image], isAnswered: true }), together: 2 },
  ];
}

interface Upload {
  readonly pieces: readonly Uint8Array[];
  /** The length of the pieces where nothing else is declared. */
  readonly headers?: Readonly<Record<string, string>>;
}

const agent = new Agent({ keepAlive: true, maxSockets: 64 });

function get(url: string, path: string): Promise<string> {
  return new Promise((resolve) => {
    const sent = request(`${url}${path}`, { agent }, (answer) => finish(answer, resolve));
    sent.on('error', () => resolve('no answer'));
    sent.end();
  });
}

/** Sends until an answer comes. */
function post(url: string, path: string, upload: Upload): Promise<string> {
  return new Promise((resolve) => {
    const sent = open(url, path, upload);
    let answered = false;
    sent.on('response', (answer) => {
      answered = true;
      finish(answer, (status) => {
        // The rest of what was declared will not come.
        if (!sent.writableEnded) sent.destroy();
        resolve(status);
      });
    });
    sent.on('error', () => {
      if (!answered) resolve('no answer');
    });
    void write(sent, upload, () => answered);
  });
}

/** Goes away while it waits, or in the middle of the answer. */
function leave(
  url: string,
  { isAnswered = false, ...upload }: Upload & { isAnswered?: boolean },
): Promise<string> {
  return new Promise((resolve) => {
    const sent = open(url, ANALYZE, upload);
    sent.on('error', () => undefined);
    sent.on('close', () => resolve('left'));
    if (isAnswered) sent.on('response', (answer) => answer.destroy());
    else setTimeout(() => sent.destroy(), PATIENCE);
    void write(sent, upload, () => false);
  });
}

function open(url: string, path: string, { pieces, headers }: Upload) {
  const length = pieces.reduce((sum, piece) => sum + piece.length, 0);
  return request(`${url}${path}`, {
    method: 'POST',
    agent,
    headers: { 'content-type': 'image/jpeg', ...(headers ?? { 'content-length': String(length) }) },
  });
}

/** The body's pieces one after the other, and its end where as much was sent as declared. */
async function write(
  sent: ReturnType<typeof request>,
  { pieces, headers }: Upload,
  isAnswered: () => boolean,
): Promise<void> {
  for (const piece of pieces) {
    if (isAnswered() || sent.destroyed) return;
    await new Promise<void>((resolve) => sent.write(piece, () => resolve()));
  }
  if (headers?.['content-length'] === undefined && !sent.destroyed) sent.end();
}

function finish(answer: IncomingMessage, resolve: (status: string) => void): void {
  answer.on('end', () => resolve(String(answer.statusCode)));
  answer.on('error', () => resolve('no answer'));
  answer.resume();
}
