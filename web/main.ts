// The page: a photograph comes in, the backend is asked, the panels show the answers. index.html holds the
// elements, each panel fills its own.

import { createAnalysisPanel } from './analysis-panel.ts';
import { createApiBackend, PAGE_INDEX } from './api-backend.ts';
import type { Backend, ReadableIndex } from './backend.ts';
import { createBrowserBackend } from './browser-backend.ts';
import { randomDigits } from './bytes.ts';
import { showCredits } from './credits.ts';
import { find } from './dom.ts';
import { createErrorBox } from './error-box.ts';
import { createFeatureCache } from './feature-cache.ts';
import { createIndexChoice } from './index-choice.ts';
import { createIndexKeeper } from './index-keeper.ts';
import { createMapPanel } from './map-panel.ts';
import { ApiError, IndexLostError, mayPass } from './page-error.ts';
import { createPhoto, idOf, isSample, type Photo } from './photo.ts';
import { listenForPhotos } from './photo-input.ts';
import { listSamples, loadSamples, openShelf, type PhotoShelf } from './photo-shelf.ts';
import { createPhotoStrip } from './photo-strip.ts';
import { createSearchPanel } from './search-panel.ts';
import { createStatusLine } from './status-line.ts';

const HITS = 12;
/** Items of the map; of a larger index a sample is shown. */
const MAP_ITEMS = 2000;

const keyField = find('key-field', HTMLFormElement);
const key = find('key', HTMLInputElement);
const inBrowser = find('in-browser', HTMLInputElement);
const add = find('add', HTMLButtonElement);
const remove = find('remove', HTMLButtonElement);

const status = createStatusLine();
const errors = createErrorBox();
const api = createApiBackend({ key: () => key.value, indexName: indexName() });
const local = createBrowserBackend({
  onProgress: status.progress,
  allowSoftwareGpu: new URLSearchParams(location.search).has('software-gpu'),
});
const features = createFeatureCache();

let shelf: PhotoShelf = { photos: new Map(), keep: async () => undefined, remove: async () => undefined };
let current: Photo | undefined;
/** Counts what was asked for, so that a late answer to an older question is dropped. */
let turn = 0;

const backend = (): Backend => (inBrowser.checked ? local : api);
const keeper = createIndexKeeper({
  shelf: () => shelf,
  backends: [api, local],
  isPrivate: (asked) => asked === local,
  onProgress: (done, total) =>
    status.progress({ text: `Indexing the photographs: ${done} of ${total} …`, done, total }),
});
const analysisPanel = createAnalysisPanel(() => key.value);
const indexChoice = createIndexChoice(() => current && choose(current));
const mapPanel = createMapPanel((id) => {
  const photo = shelf.photos.get(id);
  if (photo === undefined) searchById(id);
  else choose(photo);
});
const searchPanel = createSearchPanel({
  photoOf: (id) => shelf.photos.get(id),
  featuresOf: ({ file }) => features.of(backend(), file),
  onChoose: (photo) => {
    choose(photo);
    find('analysis-title', HTMLElement).focus();
  },
});
const strip = createPhotoStrip((photo) => choose(photo));

/** Analyses the photograph, then searches with it. */
function choose(photo: Photo): Promise<void> {
  current = photo;
  strip.mark(photo.id);
  find('intro', HTMLElement).hidden = true;
  return attempt(
    async (mine) => {
      const asked = backend();
      status.wait(`Analysing ${photo.name} …`);
      const analysis = await asked.analyse(photo.file);
      if (mine !== turn) return;
      features.keep(asked, photo.file, analysis.features);
      analysisPanel.show(photo, analysis, asked === local);
      await search(photo, asked, mine);
      if (mine === turn) status.say(`${photo.name}: done.`);
    },
    () => choose(photo),
  );
}

/** Does it as the newest question, and says what went wrong with it. */
async function attempt(work: (mine: number) => Promise<void>, retry: () => void): Promise<void> {
  turn += 1;
  const mine = turn;
  errors.hide();
  document.body.setAttribute('aria-busy', 'true');
  try {
    await work(mine).catch((error: unknown) => {
      if (!(error instanceof IndexLostError)) throw error;
      keeper.forget();
      return work(mine);
    });
  } catch (error) {
    if (mine === turn) showError(error, mayPass(error) ? retry : undefined);
  } finally {
    if (mine === turn) document.body.removeAttribute('aria-busy');
  }
}

async function search(photo: Photo, asked: Backend, mine: number): Promise<void> {
  const held = await keeper.fill(asked);
  if (mine !== turn) return;
  status.wait(`Searching with ${photo.name} …`);
  await indexChoice.refresh(asked);
  const index = indexChoice.open(asked);
  const isOwn = indexChoice.chosen() === undefined;
  const isIndexed = held.has(photo.id);
  const hits = await index.search(isOwn && isIndexed ? photo.id : photo.file, HITS);
  if (mine !== turn) return;
  find('search', HTMLElement).hidden = false;
  searchPanel.show(photo, hits);
  add.hidden = isIndexed || keeper.refused.has(photo.id);
  remove.hidden = !isIndexed || isSample(photo);
  await showMap(
    index,
    photo.id,
    hits.map(({ id }) => id),
    mine,
  );
}

async function showMap(
  index: ReadableIndex,
  id: string,
  hits: readonly string[],
  mine: number,
): Promise<void> {
  status.wait('Drawing the map …');
  const { total, vectors } = await index.sample(MAP_ITEMS);
  if (mine !== turn) return;
  const items = [...vectors].map(([id, vector]) => ({ id, vector, photo: shelf.photos.get(id) }));
  find('index-size', HTMLElement).textContent = `${total.toLocaleString('en')} in the index.`;
  mapPanel.show({ items, total, current: id, hits });
}

/** An item of the index whose photograph is not here. */
function searchById(id: string): Promise<void> {
  return attempt(
    async (mine) => {
      status.wait(`Searching with ${id} …`);
      const index = indexChoice.open(backend());
      const hits = await index.search(id, HITS);
      if (mine !== turn) return;
      find('hits', HTMLElement).scrollIntoView({ block: 'nearest' });
      searchPanel.show({ id, name: id, file: new Blob(), thumbnail: '' }, hits);
      for (const button of [add, remove]) button.hidden = true;
      await showMap(
        index,
        id,
        hits.map((hit) => hit.id),
        mine,
      );
      if (mine === turn) status.say(`${id}: done.`);
    },
    () => searchById(id),
  );
}

async function addCurrent(): Promise<void> {
  if (current === undefined) return;
  const photo = { ...current, isPrivate: inBrowser.checked };
  await shelf.keep(photo);
  strip.show(shelf.photos.values());
  await choose(photo);
  // The button that had the focus is gone.
  find('search-title', HTMLElement).focus();
}

function removeCurrent(photo: Photo): Promise<void> {
  return attempt(
    async (mine) => {
      status.wait(`Removing ${photo.name} …`);
      await keeper.remove(photo.id);
      await shelf.remove(photo.id);
      strip.show(shelf.photos.values());
      await search(photo, backend(), mine);
      if (mine !== turn) return;
      status.say(`${photo.name} was removed from the index.`);
      find('search-title', HTMLElement).focus();
    },
    () => removeCurrent(photo),
  );
}

async function chooseFile(file: Blob, name: string): Promise<void> {
  // It may have been dropped or pasted far below.
  find('status', HTMLElement).scrollIntoView({ block: 'nearest' });
  try {
    const id = await idOf(file);
    await choose(shelf.photos.get(id) ?? (await createPhoto(id, name, file)));
  } catch (error) {
    showError(error);
  }
}

function showError(error: unknown, retry?: () => void): void {
  errors.show(error, retry);
  status.say('');
  if (error instanceof ApiError && error.status === 401) {
    keyField.hidden = false;
    key.focus();
  }
}

/** This browser's own index: other readers' photographs are none of its business. */
function indexName(): string {
  const name = `${PAGE_INDEX}${randomDigits(12)}`;
  try {
    const kept = localStorage.getItem('index');
    if (kept !== null) return kept;
    localStorage.setItem('index', name);
  } catch {
    // A browser that keeps nothing for this page: the index lasts as long as the page.
  }
  return name;
}

function switchBackend(): void {
  find('where', HTMLElement).textContent = inBrowser.checked
    ? 'Nothing leaves this machine. The model is fetched once.'
    : 'Photographs go to the server that gave you this page.';
  if (current === undefined) return;
  if (inBrowser.checked || isSample(current)) choose(current);
  else status.say(`${current.name} was not sent to the server: choose it again to send it.`);
}

async function start(): Promise<void> {
  listenForPhotos(chooseFile);
  inBrowser.addEventListener('change', switchBackend);
  if (!isSecureContext) {
    inBrowser.disabled = true;
    find('where', HTMLElement).textContent +=
      ' For the model to run in this browser, the page has to come over https.';
  }
  keyField.addEventListener('submit', (event) => {
    event.preventDefault();
    if (current !== undefined) choose(current);
  });
  add.addEventListener('click', () => addCurrent().catch((error) => showError(error)));
  remove.addEventListener('click', () => current && removeCurrent(current));
  await open();
  // The page works without it, but then not offline.
  await navigator.serviceWorker?.register('/service-worker.js').catch(() => undefined);
}

async function open(): Promise<void> {
  try {
    const samples = await listSamples();
    showCredits(samples);
    shelf = await openShelf(await loadSamples(samples));
    strip.show(shelf.photos.values());
    errors.hide();
    status.say('Ready.');
  } catch (error) {
    showError(error, open);
  }
}

start();
