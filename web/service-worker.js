// Keeps the page, and the model where it was fetched, for when there is no network. Plain JavaScript: the
// types of service workers and of pages exclude each other.

const CACHE = 'vgg-edge-page';

self.addEventListener('install', (event) => {
  event.waitUntil(precache());
});

self.addEventListener('activate', (event) => {
  event.waitUntil(self.clients.claim());
});

self.addEventListener('fetch', (event) => {
  const { pathname, origin } = new URL(event.request.url);
  const isOurs = pathname === '/' || pathname.startsWith('/web/') || pathname.startsWith('/model/');
  if (event.request.method !== 'GET' || origin !== self.location.origin || !isOurs) return;
  // A path with the model's id has one content for ever; everything else may have changed.
  const isImmutable = /^\/model\/[^/]+\/[^/]+$/.test(pathname);
  event.respondWith(isImmutable ? keptFirst(event) : networkFirst(event));
});

async function precache() {
  const cache = await caches.open(CACHE);
  const samples = await (await fetch('/web/samples.json')).json();
  const files = ['main.js', 'model-worker.js', 'gpu-engine.js', 'style.css', 'icon.svg', 'samples.json'];
  const modules = ['kernel.wasm', 'jpeg-turbo.wasm', 'webp.wasm'];
  await cache.addAll([
    '/',
    ...[...files, ...modules].map((file) => `/web/${file}`),
    ...samples.map(({ file }) => `/web/samples/${file}`),
  ]);
  await self.skipWaiting();
}

async function networkFirst(event) {
  try {
    const response = await fetch(event.request);
    if (response.ok) keep(event, response);
    return response;
  } catch (error) {
    const kept = await (await caches.open(CACHE)).match(event.request);
    if (kept === undefined) throw error;
    return kept;
  }
}

async function keptFirst(event) {
  const cache = await caches.open(CACHE);
  const kept = await cache.match(event.request);
  if (kept !== undefined) return kept;
  const response = await fetch(event.request);
  if (response.ok) keep(event, response, dropOtherModels(cache, event.request));
  return response;
}

/** Beside the answer, which neither waits for the storage nor fails where that is full. */
function keep(event, response, before = Promise.resolve()) {
  const copy = response.clone();
  const kept = before.then(async () => (await caches.open(CACHE)).put(event.request, copy));
  event.waitUntil(kept.catch(() => undefined));
}

/** Shards of a model that is no longer served would only take up space. */
async function dropOtherModels(cache, { url }) {
  const folder = url.slice(0, url.lastIndexOf('/') + 1);
  for (const request of await cache.keys()) {
    const isShard = /\/model\/[^/]+\/[^/]+$/.test(request.url);
    if (isShard && !request.url.startsWith(folder)) await cache.delete(request);
  }
}
