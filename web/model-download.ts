// The model's files from /model/…, for the Web Worker: each counted as it arrives, and hashed for the engine
// to compare.

import { toHex } from '../core/encodings.ts';
import { SourceError } from '../core/errors.ts';
import type { Digest, ModelFiles } from '../core/ports.ts';

export interface ModelDownload {
  readonly files: ModelFiles;
  /** Once model.json is read, everything else stands under its id. */
  under(id: string): void;
}

/** `onBytes` is told how many bytes have come in all. */
export function createModelDownload(onBytes: (bytes: number) => void): ModelDownload {
  let folder = '';
  let bytes = 0;
  return {
    files: {
      async open(file) {
        const path = file === 'model.json' ? `/model/${file}` : `${folder}/${file}`;
        const { body } = await fetchFile(path);
        if (body === null)
          throw new SourceError('missing_file', `Expected a file at ${path} but found nothing.`);
        return chunksOf(body, (count) => {
          bytes += count;
          onBytes(bytes);
        });
      },
      sha256: browserDigest,
    },
    under(id) {
      folder = `/model/${id}`;
    },
  };
}

export async function compile(name: string): Promise<WebAssembly.Module> {
  return WebAssembly.compileStreaming(fetchFile(`/web/${name}.wasm`));
}

async function fetchFile(path: string): Promise<Response> {
  const response = await fetch(path).catch(() => undefined);
  if (response === undefined) {
    throw new SourceError('unreachable', 'The model cannot be fetched: the server cannot be reached.');
  }
  if (response.ok) return response;
  throw new SourceError(
    response.status === 404 ? 'missing_file' : 'unreachable',
    response.status === 404
      ? 'This server does not give its model away, so it cannot run in the browser.'
      : `The server answered with status ${response.status} when it was asked for ${path}.`,
  );
}

/** Not every browser lets a stream be iterated over. */
async function* chunksOf(
  body: ReadableStream<Uint8Array>,
  onChunk: (bytes: number) => void,
): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch(() => {
      throw new SourceError('unreachable', 'The connection broke while the model was fetched. Try again.');
    });
    if (done) return;
    onChunk(value.length);
    yield value;
  }
}

/** Browsers hash only what is there as a whole. */
function browserDigest(): Digest {
  const chunks: BlobPart[] = [];
  return {
    update: (bytes) => {
      chunks.push(bytes.slice());
    },
    async hex() {
      const hash = await crypto.subtle.digest('SHA-256', await new Blob(chunks).arrayBuffer());
      return toHex(new Uint8Array(hash));
    },
  };
}
