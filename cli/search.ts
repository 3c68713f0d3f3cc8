// vgg-edge search: the photographs of an index that are most like a given one.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import type { Filter, Hit } from '../core/vector-store.ts';
import { readImageFile } from '../runner/sources/image-file.ts';
import { toFilter } from '../search/metadata-filter.ts';
import {
  type Command,
  cosine,
  flag,
  required,
  text,
  UsageError,
  type Values,
  wholeNumber,
} from './command.ts';
import { DESCRIPTOR_OPTIONS } from './photo-embedder.ts';
import { openPhotoIndex, PLACES, type SearchOptions } from './photo-index.ts';
import { photoPage } from './photo-page.ts';

export const search: Command = {
  name: 'search',
  summary: 'Finds the photographs of an index that are most like one.',
  usage: '(IMAGE | --id ID) --in PLACE --index NAME [options]',
  options: {
    in: { type: 'string', value: 'PLACE', description: PLACES },
    index: { type: 'string', value: 'NAME', description: "the index's name" },
    id: { type: 'string', value: 'ID', description: 'searches by a photograph of the index instead' },
    'top-k': { type: 'string', value: 'N', description: 'hits (default 10)' },
    'min-score': { type: 'string', value: 'COSINE', description: 'leaves out what is less alike' },
    filter: { type: 'string', value: 'JSON', description: 'over the metadata, as {"folder": "cats"}' },
    'exclude-self': { type: 'boolean', description: 'leaves out the photograph itself' },
    fold: { type: 'string', value: 'COSINE', description: 'shows hits this alike as one' },
    json: { type: 'boolean', description: 'prints JSON' },
    gallery: { type: 'string', value: 'FILE', description: 'writes a page with thumbnails' },
    photos: { type: 'string', value: 'FOLDER', description: 'where the photographs lie, for --gallery' },
    ...DESCRIPTOR_OPTIONS,
  },
  examples: [
    'vgg-edge search cat.jpg --in indexes --index photos',
    'vgg-edge search --id cats/7.jpg --exclude-self --in http://127.0.0.1:8787 --index photos',
    'vgg-edge search cat.jpg --in indexes --index photos --gallery hits.html --photos photos',
  ],
  async run([image, ...rest], values) {
    const id = text(values, 'id');
    if (rest.length > 0 || (image === undefined) === (id === undefined)) {
      throw new UsageError('Expected one image, or --id.');
    }
    const gallery = text(values, 'gallery');
    const photos = text(values, 'photos');
    if (gallery !== undefined && photos === undefined) {
      throw new UsageError('Expected --photos with --gallery: the index holds no pictures.');
    }
    const options = searchOptions(values);
    const index = await openPhotoIndex(required(values, 'in'), required(values, 'index'), values, false);
    try {
      const by = id === undefined ? { image: await readPhoto(image ?? '') } : { id };
      const hits = await index.search(by, options);
      if (flag(values, 'json')) console.log(JSON.stringify(hits, null, 1));
      else {
        for (const hit of hits) console.log(`${hit.score.toFixed(4)}  ${hit.id}${foldedText(hit)}`);
      }
      if (gallery !== undefined && photos !== undefined) {
        const asked = { read: () => readPhoto(image ?? join(photos, id ?? '')), name: image ?? id ?? '' };
        const found = hits.map((hit) => ({
          read: () => readPhoto(join(photos, hit.id)),
          name: hit.id,
          note: `${hit.score.toFixed(4)}${foldedText(hit)}`,
        }));
        const sections = [
          { title: 'Asked', groups: [[asked]] },
          { title: 'Found', groups: [found] },
        ];
        await writeFile(gallery, photoPage('Search', `${hits.length} hits`, sections));
      }
    } finally {
      await index.close();
    }
  },
};

function readPhoto(path: string): Promise<Uint8Array> {
  return readImageFile(path, LOCAL_IMAGE_LIMITS.maxBytes);
}

function foldedText({ folded }: Hit): string {
  return folded.length === 0 ? '' : `  (+ ${folded.length} alike)`;
}

function searchOptions(values: Values): SearchOptions {
  const minScore = cosine(values, 'min-score');
  const fold = cosine(values, 'fold');
  const filter = text(values, 'filter');
  return {
    topK: wholeNumber(values, 'top-k', { min: 1, max: 1000 }) ?? 10,
    excludeSelf: flag(values, 'exclude-self'),
    ...(minScore === undefined ? {} : { minScore }),
    ...(fold === undefined ? {} : { fold }),
    ...(filter === undefined ? {} : { filter: readFilter(filter) }),
  };
}

function readFilter(json: string): Filter {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch {
    throw new UsageError(`Expected JSON for --filter but found '${json}'.`);
  }
  return toFilter(value);
}
