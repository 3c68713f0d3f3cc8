// The whole way from bytes to taps in a Web Worker: the same decoders, preprocessing and kernel as in the
// API, so the same vectors. The model comes from /model/…, each file compared with its SHA-256.

import { z } from 'zod';
import { createEmbedder, type Embedder } from '../core/embedder.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Digest, ModelFiles } from '../core/ports.ts';
import { once } from '../core/turns.ts';
import { createEdgeDecoder } from '../engine/edge/decode.ts';
import { readManifest } from '../engine/model-file.ts';
import { createWinogradEngine } from '../engine/winograd/engine.ts';
import type { RunAnswer, RunRequest, RunResult } from './model-messages.ts';

// Zod would otherwise try to compile code from text, which the page's policy forbids.
z.config({ jitless: true });

const now = () => performance.now();
/** As the API's defaults (wrangler.toml). */
const LIMITS = { maxBytes: 10 * 1024 * 1024, maxPixels: 50_000_000 };

interface LocalModel {
  readonly id: string;
  readonly manifest: Manifest;
  readonly engine: string;
  readonly embedder: Embedder;
}

const loadModel = once(async (): Promise<LocalModel> => {
  tell({ progress: 'Fetching the model …' });
  let id: string | undefined;
  const files: ModelFiles = {
    open: (file) => download(id === undefined ? `/model/${file}` : `/model/${id}/${file}`),
    sha256: browserDigest,
  };
  const { manifest, id: found } = await readManifest(files);
  id = found;
  const [kernel, jpeg, webp] = await Promise.all(['kernel', 'jpeg-turbo', 'webp'].map(compile));
  if (kernel === undefined || jpeg === undefined || webp === undefined) {
    throw new Error('Expected three WebAssembly modules but found fewer.');
  }
  const engine = createWinogradEngine({ manifest, files, kernel, now });
  const decoder = createEdgeDecoder({ jpeg, webp });
  const sizes = manifest.preprocess;
  const embedder = createEmbedder({ decoder, engine, sizes, limits: LIMITS, batchSize: 1, now });
  return { id, manifest, engine: engine.name, embedder };
});

self.addEventListener('message', async ({ data }: MessageEvent<RunRequest>) => {
  const { number } = data;
  try {
    tell({ number, result: await run(data) });
  } catch (error) {
    tell({ number, error: error instanceof Error ? error.message : String(error) });
  }
});

async function run({ photo, scores }: RunRequest): Promise<RunResult> {
  const { id, manifest, engine, embedder } = await loadModel();
  const read = async () => new Uint8Array(await photo.arrayBuffer());
  const { outcomes, times } = await embedder.run([{ read }], scores ? ['features', 'scores'] : ['features']);
  const [outcome] = outcomes;
  if (outcome === undefined || 'error' in outcome) throw outcome?.error;
  return {
    model: id,
    engine,
    untrained: !manifest.trained,
    taps: outcome.value,
    phases: Object.entries(times).map(([name, milliseconds]) => ({ name, milliseconds })),
    labels: manifest.labels,
    trainedWith: (manifest.classes ?? []).map(({ trainedWith }) => trainedWith),
  };
}

function tell(answer: RunAnswer): void {
  self.postMessage(answer);
}

async function compile(name: string): Promise<WebAssembly.Module> {
  return WebAssembly.compileStreaming(fetchFile(`/web/${name}.wasm`));
}

async function fetchFile(path: string): Promise<Response> {
  const response = await fetch(path).catch(() => undefined);
  if (response === undefined) throw new Error('The model cannot be fetched: the server cannot be reached.');
  if (response.ok) return response;
  throw new Error(
    response.status === 404
      ? 'This server does not give its model away, so it cannot run in the browser.'
      : `The server answered with status ${response.status} when it was asked for ${path}.`,
  );
}

async function download(path: string): Promise<AsyncIterable<Uint8Array>> {
  const { body } = await fetchFile(path);
  if (body === null) throw new Error(`Expected a file at ${path} but found nothing.`);
  return chunksOf(body);
}

/** Not every browser lets a stream be iterated over. */
async function* chunksOf(body: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
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
      return Array.from(new Uint8Array(hash), (byte) => byte.toString(16).padStart(2, '0')).join('');
    },
  };
}
