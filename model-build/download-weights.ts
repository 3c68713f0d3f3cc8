// Fetches torchvision's official VGG weights (`--weights torchvision:vgg11_bn`) into a cache folder,
// checked against the hash that their names publish. Before open-weights.ts.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { mkdir, open, rename, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { InputError, SourceError } from '../core/errors.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** A published file. Its URL ends in `<member>-<first eight hex digits of its SHA-256>.pth`. */
export interface PublishedFile {
  readonly url: string;
  readonly fileName: string;
  readonly sha256Prefix: string;
}

/** torchvision/models/vgg.py (0.14 and later), ImageNet's 1000 classes. */
const TORCHVISION_HASHES: Readonly<Record<string, string>> = {
  vgg11: '8a719046',
  vgg11_bn: '6002323d',
  vgg13: '19584684',
  vgg13_bn: 'abd245e5',
  vgg16: '397923af',
  vgg16_bn: '6c64b313',
  vgg19: 'dcbb9e9d',
  vgg19_bn: 'c79401a0',
};

const SCHEME = 'torchvision:';

/** The largest, vgg19_bn, has 575 MB. */
const MAX_BYTES = 1 << 30;

export interface DownloadProgress {
  readonly receivedBytes: number;
  /** null where the server does not tell. */
  readonly totalBytes: number | null;
}

export interface DownloadOptions {
  /** Where files are kept from one build to the next; see weightsCacheFolder. */
  readonly folder: string;
  readonly fetch: typeof globalThis.fetch;
  readonly onProgress?: (progress: DownloadProgress) => void;
}

/**
 * The official file that `torchvision:vgg11_bn` stands for; null for anything without that scheme, which
 * is a path. Throws InputError for a network that is not of the family.
 */
export function officialWeights(weights: string): PublishedFile | null {
  if (!weights.startsWith(SCHEME)) return null;
  const member = weights.slice(SCHEME.length);
  const sha256Prefix = Object.hasOwn(TORCHVISION_HASHES, member) ? TORCHVISION_HASHES[member] : undefined;
  if (sha256Prefix === undefined) {
    const members = Object.keys(TORCHVISION_HASHES).join(', ');
    throw new InputError(
      'invalid_argument',
      `Expected one of ${members} after '${SCHEME}' but found '${member}'.`,
      { param: 'weights' },
    );
  }
  const fileName = `${member}-${sha256Prefix}.pth`;
  return { url: `https://download.pytorch.org/models/${fileName}`, fileName, sha256Prefix };
}

/** `$XDG_CACHE_HOME/vgg-edge`, or `.cache/vgg-edge` in the home folder. */
export function weightsCacheFolder(env: NodeJS.ProcessEnv, home: string): string {
  return join(env.XDG_CACHE_HOME || join(home, '.cache'), 'vgg-edge');
}

/**
 * The path of the file in the cache folder, downloaded unless it is there, its hash verified either way.
 * Throws SourceError `unreachable` (saying what to fetch by hand) or `checksum_mismatch`. Nothing
 * half-written stays behind.
 */
export async function downloadWeights(file: PublishedFile, options: DownloadOptions): Promise<string> {
  const path = join(options.folder, file.fileName);
  const cached = await stat(path).catch(() => null);
  if (cached !== null) {
    const advice = `Delete ${path} and run the command again to fetch it anew.`;
    checkHash(file, path, await hashFile(path), advice);
    return path;
  }
  await mkdir(options.folder, { recursive: true }).catch((cause: unknown) => {
    throw new InputError(
      'invalid_argument',
      `Expected a folder that can be written for the cache but found ${options.folder}: ${reasonOf(cause)}. ` +
        'Set XDG_CACHE_HOME to another.',
      { param: 'XDG_CACHE_HOME', cause },
    );
  });
  await using folder = await temporaryFolder(`${path}.partial-`);
  const partial = join(folder.path, file.fileName);
  checkHash(file, file.url, await downloadTo(partial, file, path, options), 'Run the command again.');
  await rename(partial, path);
  return path;
}

/** Writes the response's body to `partial` as it comes; gives its SHA-256 in hex. */
async function downloadTo(
  partial: string,
  file: PublishedFile,
  path: string,
  { fetch, onProgress }: DownloadOptions,
): Promise<string> {
  const unreachable = (found: string, cause?: unknown): SourceError =>
    new SourceError(
      'unreachable',
      `Expected ${file.url} to answer with the weights but found ${found}. ` +
        `Without a network: fetch that file on another machine and put it at ${path}, then run the command again.`,
      { param: file.url, cause },
    );
  const hash = createHash('sha256');
  const output = await open(partial, 'wx');
  try {
    const response = await fetch(file.url).catch((cause: unknown) => {
      throw unreachable(reasonOf(cause), cause);
    });
    if (!response.ok || response.body === null) throw unreachable(`status ${response.status}`);
    const length = Number(response.headers.get('content-length') ?? Number.NaN);
    const totalBytes = Number.isSafeInteger(length) ? length : null;
    let receivedBytes = 0;
    for await (const chunk of chunksOf(response.body, (cause) => unreachable(reasonOf(cause), cause))) {
      receivedBytes += chunk.length;
      if (receivedBytes > MAX_BYTES) throw unreachable(`more than ${MAX_BYTES} bytes`);
      hash.update(chunk);
      await output.writeFile(chunk);
      onProgress?.({ receivedBytes, totalBytes });
    }
  } finally {
    await output.close();
  }
  return hash.digest('hex');
}

/** The body's chunks; an error of the connection in between becomes what `asError` makes of it. */
async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  asError: (cause: unknown) => Error,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause: unknown) => {
        throw asError(cause);
      });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => undefined);
  }
}

async function hashFile(path: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
  return hash.digest('hex');
}

function checkHash(file: PublishedFile, where: string, sha256: string, advice: string): void {
  if (sha256.startsWith(file.sha256Prefix)) return;
  throw new SourceError(
    'checksum_mismatch',
    `Expected a SHA-256 that begins with ${file.sha256Prefix} for ${where} but found ${sha256.slice(0, 16)}…. ${advice}`,
    { param: where },
  );
}

/** `fetch failed` alone says nothing: its cause does (ENOTFOUND, ECONNREFUSED). */
function reasonOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  return error.cause instanceof Error ? `${error.message} (${error.cause.message})` : error.message;
}
