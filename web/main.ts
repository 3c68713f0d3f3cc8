// The page: a photograph comes in, the backend is asked, the panels show the answers. index.html holds the
// elements, each panel fills its own.

import { createAnalysisPanel } from './analysis-panel.ts';
import { createApiBackend } from './api-backend.ts';
import type { Backend } from './backend.ts';
import { createBrowserBackend } from './browser-backend.ts';
import { element, find } from './dom.ts';
import { createMapPanel } from './map-panel.ts';
import { ApiError, messageOf } from './page-error.ts';
import { createPhoto, idOf, type Photo } from './photo.ts';
import { loadSamples, openShelf, type PhotoShelf } from './photo-shelf.ts';
import { createSearchPanel } from './search-panel.ts';

const HITS = 24;

const status = find('status', HTMLElement);
const errorBox = find('error', HTMLElement);
const keyField = find('key-field', HTMLElement);
const key = find('key', HTMLInputElement);
const inBrowser = find('in-browser', HTMLInputElement);
const add = find('add', HTMLButtonElement);

const api = createApiBackend({ key: () => key.value, indexName: indexName() });
const local = createBrowserBackend((message) => {
  status.textContent = message;
});
/** Photographs that an index is known to hold: what is not there is added before a search. */
const indexed = new Map<Backend, Set<string>>();

let shelf: PhotoShelf = { photos: new Map(), keep: async () => undefined, remove: async () => undefined };
let current: Photo | undefined;
/** Counts what was asked for, so that a late answer to an older question is dropped. */
let turn = 0;

const backend = (): Backend => (inBrowser.checked ? local : api);
const analysisPanel = createAnalysisPanel();
const mapPanel = createMapPanel((photo) => choose(photo));
const searchPanel = createSearchPanel({
  photoOf: (id) => shelf.photos.get(id),
  matchRegions: ({ file: first }, { file: second }) => backend().matchRegions(first, second),
  onChoose: (photo) => {
    choose(photo);
    find('analysis', HTMLElement).scrollIntoView({ block: 'start' });
  },
  onRemove: (photo) => removeOwn(photo),
});

/** Analyses the photograph, then searches with it. */
async function choose(photo: Photo): Promise<void> {
  turn += 1;
  const mine = turn;
  const asked = backend();
  current = photo;
  markSample(photo.id);
  showError(undefined);
  document.body.setAttribute('aria-busy', 'true');
  try {
    status.textContent = `Analysing ${photo.name} …`;
    const analysis = await asked.analyse(photo.file);
    if (mine !== turn) return;
    analysisPanel.show(photo, analysis, asked === local);
    await search(photo, asked, mine);
    if (mine === turn) status.textContent = `${photo.name}: done.`;
  } catch (error) {
    if (mine === turn) showError(error);
  } finally {
    if (mine === turn) document.body.removeAttribute('aria-busy');
  }
}

async function search(photo: Photo, asked: Backend, mine: number): Promise<void> {
  const held = await fillIndex(asked);
  if (mine !== turn) return;
  status.textContent = `Searching with ${photo.name} …`;
  const isIndexed = held.has(photo.id);
  const hits = await asked.index.search(isIndexed ? photo.id : photo.file, HITS);
  if (mine !== turn) return;
  find('search', HTMLElement).hidden = false;
  searchPanel.show(photo, hits);
  add.hidden = isIndexed;
  find('index-size', HTMLElement).textContent = `${held.size} photographs in the index.`;
  const vectors = await asked.index.vectors([...held]);
  if (mine !== turn) return;
  const items = [...shelf.photos.values()].flatMap((item) => {
    const vector = vectors.get(item.id);
    return vector === undefined ? [] : [{ photo: item, vector }];
  });
  mapPanel.show(items, photo.id);
}

/**
 * What is on the shelf goes into the index, but what was added in the browser not to the server; what the
 * index holds already is not embedded again. The ids that it holds then.
 */
async function fillIndex(asked: Backend): Promise<ReadonlySet<string>> {
  const wanted = [...shelf.photos.values()].filter(({ isPrivate }) => asked === local || isPrivate !== true);
  const ids = wanted.map(({ id }) => id);
  let held = indexed.get(asked);
  if (held === undefined) {
    held = new Set((await asked.index.vectors(ids)).keys());
    indexed.set(asked, held);
  }
  const missing = wanted.filter(({ id }) => held?.has(id) === false);
  for (const [done, { id, file }] of missing.entries()) {
    status.textContent = `Indexing ${done + 1} of ${missing.length} …`;
    await asked.index.add(id, file);
    held.add(id);
  }
  return held;
}

async function addCurrent(): Promise<void> {
  if (current === undefined) return;
  const photo = { ...current, isPrivate: inBrowser.checked };
  await shelf.keep(photo);
  await choose(photo);
  find('search-title', HTMLElement).scrollIntoView({ block: 'nearest' });
}

async function removeOwn(photo: Photo): Promise<void> {
  try {
    for (const [holder, held] of indexed) {
      if (held.delete(photo.id)) await holder.index.delete(photo.id);
    }
    await shelf.remove(photo.id);
    status.textContent = `${photo.name} was removed from the index.`;
    if (current !== undefined) await search(current, backend(), turn);
  } catch (error) {
    showError(error);
  }
}

async function chooseFile(file: Blob, name: string): Promise<void> {
  try {
    const id = await idOf(file);
    await choose(shelf.photos.get(id) ?? (await createPhoto(id, name, file)));
  } catch (error) {
    showError(error);
  }
}

function showError(error: unknown): void {
  errorBox.hidden = error === undefined;
  errorBox.textContent = error === undefined ? '' : messageOf(error);
  if (error === undefined) return;
  status.textContent = '';
  if (error instanceof ApiError && error.status === 401) {
    keyField.hidden = false;
    key.focus();
  }
}

function markSample(id: string): void {
  for (const button of document.querySelectorAll('#samples button')) {
    button.setAttribute('aria-pressed', String(button.getAttribute('data-id') === id));
  }
}

function showSamples(samples: readonly Photo[]): void {
  const items = samples.map((photo) => {
    const button = element(
      'button',
      { type: 'button', class: 'photo', 'aria-pressed': 'false', 'data-id': photo.id },
      [element('img', { src: photo.thumbnail, alt: '' }), photo.name],
    );
    button.addEventListener('click', () => choose(photo));
    return element('li', {}, [button]);
  });
  find('samples', HTMLUListElement).replaceChildren(...items);
}

/** This browser's own index: other readers' photographs are none of its business. */
function indexName(): string {
  const kept = localStorage.getItem('index');
  if (kept !== null) return kept;
  const name = `page-${crypto.randomUUID().slice(0, 13)}`;
  localStorage.setItem('index', name);
  return name;
}

function listen(): void {
  const drop = find('drop', HTMLElement);
  const input = find('file', HTMLInputElement);
  input.addEventListener('change', () => {
    const [file] = input.files ?? [];
    if (file !== undefined) chooseFile(file, file.name);
    // The same file chosen again is a new choice.
    input.value = '';
  });
  document.addEventListener('dragover', (event) => {
    event.preventDefault();
    drop.classList.add('over');
  });
  document.addEventListener('dragleave', () => drop.classList.remove('over'));
  document.addEventListener('drop', (event) => {
    event.preventDefault();
    drop.classList.remove('over');
    const [file] = event.dataTransfer?.files ?? [];
    if (file !== undefined) chooseFile(file, file.name);
  });
  document.addEventListener('paste', (event) => {
    const [file] = event.clipboardData?.files ?? [];
    if (file !== undefined) chooseFile(file, 'pasted picture');
  });
  inBrowser.addEventListener('change', () => {
    find('where', HTMLElement).textContent = inBrowser.checked
      ? 'Nothing leaves this machine. The model is fetched once, about 23 MB.'
      : 'Photographs go to the server that gave you this page.';
    if (current === undefined) return;
    if (inBrowser.checked || current.id.startsWith('sample:')) choose(current);
    else status.textContent = `${current.name} was not sent to the server: choose it again to send it.`;
  });
  key.addEventListener('change', () => {
    if (current !== undefined) choose(current);
  });
  add.addEventListener('click', () => addCurrent());
}

async function start(): Promise<void> {
  listen();
  try {
    const samples = await loadSamples();
    shelf = await openShelf(samples);
    showSamples(samples);
    status.textContent = 'Ready.';
  } catch (error) {
    showError(error);
  }
  // The page works without it, but then not offline.
  await navigator.serviceWorker?.register('/service-worker.js').catch(() => undefined);
}

start();
