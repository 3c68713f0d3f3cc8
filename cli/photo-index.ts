// Where `index` puts photographs and `search` looks for them: a vector store filled by this process, or a
// running server that embeds by itself.

import { messageOf } from '../core/errors.ts';
import type { Filter, Hit, Metadata, VectorIndex } from '../core/vector-store.ts';
import { openStore, STORES } from '../search/node/open-store.ts';
import { createRemoteStore } from '../search/remote-store.ts';
import { text, type Values } from './command.ts';
import { openPhotoEmbedder, type PhotoEmbedder, readDescriptor, readDimensions } from './photo-embedder.ts';

export interface PhotoItem {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly metadata: Metadata;
}

export interface SearchOptions {
  readonly topK: number;
  readonly minScore?: number;
  readonly filter?: Filter;
  readonly excludeSelf: boolean;
  readonly fold?: number;
}

export interface PhotoIndex {
  /** The metadata of those that are in it. */
  known(ids: readonly string[]): Promise<ReadonlyMap<string, Metadata>>;
  /** An error for each that could not be embedded, by id; the others are in it once this resolves. */
  add(photos: readonly PhotoItem[]): Promise<ReadonlyMap<string, string>>;
  search(
    by: { readonly image: Uint8Array } | { readonly id: string },
    options: SearchOptions,
  ): Promise<Hit[]>;
  /** What makes many queries fast, where the store has it. */
  finish(): Promise<void>;
  close(): Promise<void>;
}

export const PLACES = `${STORES}, or http://… of a running server`;

/** Reads VGG_EDGE_API_KEY, QDRANT_API_KEY and CLOUDFLARE_API_TOKEN where they are needed. */
export async function openPhotoIndex(
  place: string,
  name: string,
  values: Values,
  create: boolean,
): Promise<PhotoIndex> {
  if (/^https?:/.test(place)) return openServed(place, name, values, create);
  // Searching by an id needs no model.
  let embedder: Promise<PhotoEmbedder> | undefined;
  const opened = () => {
    embedder ??= openPhotoEmbedder(values);
    return embedder;
  };
  const store = await openStore(place);
  const close = async (): Promise<void> => {
    await (await embedder?.catch(() => undefined))?.close();
    await store.close();
  };
  let index: VectorIndex;
  try {
    index = create ? await store.create(name, (await opened()).space) : await store.open(name);
  } catch (error) {
    await close();
    throw error;
  }
  return {
    known: (ids) => knownIn(index, ids),
    async add(photos) {
      const { embed, space } = await opened();
      const outcomes = await embed(
        photos.map(
          ({ bytes }) =>
            async () =>
              bytes,
        ),
      );
      const errors = new Map<string, string>();
      const items = photos.flatMap(({ id, metadata }, place) => {
        const outcome = outcomes[place];
        if (outcome !== undefined && 'value' in outcome) return [{ id, vector: outcome.value, metadata }];
        errors.set(id, messageOf(outcome?.error));
        return [];
      });
      await index.upsert(space, items);
      return errors;
    },
    async search(by, options) {
      if ('id' in by) return index.query({ by, ...options });
      const { embed, space } = await opened();
      const [outcome] = await embed([async () => by.image]);
      if (outcome === undefined || 'error' in outcome) throw outcome?.error;
      return index.query({ by: { vector: outcome.value, space }, ...options });
    },
    async finish() {
      await store.optimise?.(name);
    },
    close,
  };
}

/** The server embeds: photographs go there as they are. */
async function openServed(url: string, name: string, values: Values, create: boolean): Promise<PhotoIndex> {
  const apiKey = process.env.VGG_EDGE_API_KEY;
  const store = createRemoteStore({ url, ...(apiKey === undefined ? {} : { apiKey }) });
  const asked = { ...askedDescriptor(values), dimensions: readDimensions(values) };
  const index = create ? await store.createServed(name, asked) : await store.open(name);
  return {
    known: (ids) => knownIn(index, ids),
    add: (photos) => index.upsertImages(photos.map(({ bytes, ...photo }) => ({ ...photo, image: bytes }))),
    search: (by, options) =>
      'id' in by ? index.query({ by, ...options }) : index.queryImage(by.image, options),
    finish: async () => {},
    close: () => store.close(),
  };
}

/** Nothing where nothing was asked for: the server knows what its model is best at. */
function askedDescriptor(values: Values) {
  const asked = text(values, 'layer') !== undefined || text(values, 'pool') !== undefined;
  return asked ? readDescriptor(values) : undefined;
}

async function knownIn(index: VectorIndex, ids: readonly string[]): Promise<ReadonlyMap<string, Metadata>> {
  return new Map((await index.get(ids)).map(({ id, metadata }) => [id, metadata]));
}
