// The photographs of the page: the samples, and the reader's own, which stay in this browser.

import { OfflineError } from './page-error.ts';
import { createPhoto, isSample, type Photo } from './photo.ts';
import type { Sample } from './sample.ts';

const OWN = 'vgg-edge-photos';

/** Photographs by id, samples first. */
export interface PhotoShelf {
  readonly photos: ReadonlyMap<string, Photo>;
  keep(photo: Photo): Promise<void>;
  remove(id: string): Promise<void>;
}

export async function listSamples(): Promise<Sample[]> {
  return (await load('/web/samples.json')).json();
}

export function loadSamples(samples: readonly Sample[]): Promise<Photo[]> {
  return Promise.all(
    samples.map(async ({ file, what, credit }) => {
      const response = await load(`/web/samples/${file}`);
      const name = file.replace(/\.jpg$/, '').replaceAll('-', ' ');
      return { ...(await createPhoto(`sample:${file}`, name, await response.blob())), what, credit };
    }),
  );
}

async function load(path: string): Promise<Response> {
  const response = await fetch(path).catch(() => undefined);
  if (response?.ok !== true) throw new OfflineError();
  return response;
}

export async function openShelf(samples: readonly Photo[]): Promise<PhotoShelf> {
  const photos = new Map(samples.map((photo) => [photo.id, photo]));
  // Browsers keep files only for pages of a secure origin; elsewhere they last as long as the page.
  const cache = 'caches' in globalThis ? await caches.open(OWN) : undefined;
  for (const request of (await cache?.keys()) ?? []) {
    const response = await cache?.match(request);
    const url = new URL(request.url);
    const name = url.searchParams.get('name') ?? 'photograph';
    const id = decodeURIComponent(url.pathname.split('/').at(-1) ?? '');
    if (response === undefined) continue;
    const photo = await createPhoto(id, name, await response.blob());
    photos.set(id, { ...photo, isPrivate: url.searchParams.has('private') });
  }
  const pathOf = ({ id, name, isPrivate }: Photo) =>
    `/own/${encodeURIComponent(id)}?name=${encodeURIComponent(name)}${isPrivate === true ? '&private' : ''}`;
  /** Whatever it was named, and whether it was private. */
  const forget = (id: string) => cache?.delete(`/own/${encodeURIComponent(id)}`, { ignoreSearch: true });
  return {
    photos,
    async keep(photo) {
      photos.set(photo.id, photo);
      if (isSample(photo)) return;
      await forget(photo.id);
      await cache?.put(pathOf(photo), new Response(photo.file));
    },
    async remove(id) {
      photos.delete(id);
      await forget(id);
    },
  };
}
