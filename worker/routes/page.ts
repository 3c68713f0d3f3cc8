// GET / and what the page loads: scripts, samples, and the model's files for running it in the browser.

import { type Context, Hono } from 'hono';
import { InputError } from '../../core/errors.ts';
import type { ModelFiles } from '../../core/ports.ts';
import type { Ready } from '../dependencies.ts';
import type { PageFiles } from '../page-files.ts';
import type { ApiEnv } from '../request-facts.ts';

/**
 * Only our own files and requests to our own origin. `wasm-unsafe-eval` allows compiling WebAssembly and
 * no more; photographs are shown from memory (blob:) and from metadata of an index (data:).
 */
const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self' 'wasm-unsafe-eval'",
  "style-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ');

const MEDIA_TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  json: 'application/json',
  svg: 'image/svg+xml',
  jpg: 'image/jpeg',
  wasm: 'application/wasm',
};

/** A plain name: no folder, no dot file. */
const FILE_NAME = /^[a-z0-9][a-z0-9-]*\.(html|css|js|json|svg|jpg|wasm)$/;

/** Checked anew each time, answered with 304 while nothing has changed. */
const REVALIDATED = 'no-cache';
/** The path holds the model's hash: other content would have another path. */
const IMMUTABLE = 'public, max-age=31536000, immutable';

export function pageRoutes(files: PageFiles): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  routes.get('/', (context) => sendFile(context, files, 'index.html'));
  // Its scope is the whole page only when it lies beside it.
  routes.get('/service-worker.js', (context) => sendFile(context, files, 'service-worker.js'));
  routes.get('/web/:file', (context) => sendFile(context, files, context.req.param('file')));
  routes.get('/web/samples/:file', (context) =>
    sendFile(context, files, context.req.param('file'), 'samples/'),
  );
  return routes;
}

/** The manifest, and the shards it lists: what a browser needs to run the model itself. */
export function publishedModelRoutes({ model }: Ready, files: ModelFiles): Hono<ApiEnv> {
  const routes = new Hono<ApiEnv>();
  routes.get('/model.json', async (context) => {
    context.header('cache-control', REVALIDATED);
    context.header('content-type', 'application/json');
    return context.body(toStream(await files.open('model.json')));
  });
  routes.get('/:id/:file', async (context) => {
    const { id, file } = context.req.param();
    const served = await model();
    if (id !== served.id || !served.manifest.shards.some((shard) => shard.file === file)) {
      throw new InputError(
        'not_found',
        `Expected a shard of the model ${served.id} but found ${context.req.path}. GET /model/model.json lists them.`,
      );
    }
    context.header('cache-control', IMMUTABLE);
    context.header('content-type', 'application/octet-stream');
    return context.body(toStream(await files.open(file)));
  });
  return routes;
}

async function sendFile(
  context: Context<ApiEnv>,
  files: PageFiles,
  name: string,
  folder = '',
): Promise<Response> {
  const extension = FILE_NAME.exec(name)?.[1] ?? '';
  const type = MEDIA_TYPES[extension];
  const file = type === undefined ? undefined : await files.open(`${folder}${name}`);
  if (file === undefined || type === undefined) {
    throw new InputError('not_found', `Expected a file of the page but found ${context.req.path}.`);
  }
  context.header('content-security-policy', CONTENT_SECURITY_POLICY);
  context.header('cache-control', REVALIDATED);
  context.header('content-type', type);
  if (file.etag !== undefined) {
    context.header('etag', file.etag);
    if (context.req.header('if-none-match') === file.etag) {
      await file.body.cancel();
      return context.body(null, 304);
    }
  }
  return context.body(file.body);
}

/** Pulled, so that a slow reader does not make the whole file wait in memory. */
function toStream(chunks: AsyncIterable<Uint8Array>): ReadableStream<Uint8Array> {
  if (chunks instanceof ReadableStream) return chunks;
  const iterator = chunks[Symbol.asyncIterator]();
  const source = {
    async pull(controller: ReadableStreamDefaultController<Uint8Array>) {
      const { done, value } = await iterator.next();
      if (done === true) controller.close();
      else controller.enqueue(value);
    },
    async cancel() {
      await iterator.return?.();
    },
  };
  // Nothing is read ahead: the answer to HEAD reads nothing and must not leave the file open.
  return new ReadableStream(source, { highWaterMark: 0 });
}
