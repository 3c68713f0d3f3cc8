// Which store keeps the indexes of a deployment: Durable Objects, unless a variable names another.

import * as z from 'zod';
import { InputError } from '../core/errors.ts';
import type { VectorStore } from '../core/vector-store.ts';
import { createQdrantStore } from '../search/qdrant-store.ts';
import { rememberedAccount } from '../search/remembered-account.ts';
import { createVectorizeAccount } from '../search/vectorize-account.ts';
import type { VectorizeData } from '../search/vectorize-api.ts';
import { createVectorizeStore } from '../search/vectorize-store.ts';

const INDEX_STORES = ['durable-objects', 'vectorize', 'qdrant'] as const;

export interface IndexStoreBindings {
  /** One of INDEX_STORES. */
  readonly INDEX_STORE?: string;
  readonly QDRANT_URL?: string;
  /** A secret. */
  readonly QDRANT_API_KEY?: string;
  readonly CLOUDFLARE_ACCOUNT_ID?: string;
  /** A secret. */
  readonly CLOUDFLARE_API_TOKEN?: string;
  /** Metadata fields to filter by in Vectorize, separated by commas. */
  readonly VECTORIZE_FILTERS?: string;
}

/** A binding VECTORIZE_PHOTOS_1 is the index photos-1. */
const VECTORIZE_BINDING = /^VECTORIZE_([A-Z0-9_]+)$/;

/** Throws InputError naming the variable that is wrong or missing. */
export function openIndexStore(
  bindings: IndexStoreBindings,
  durableObjects: () => VectorStore,
  fetch: typeof globalThis.fetch = (...request) => globalThis.fetch(...request),
): VectorStore {
  const { INDEX_STORE = 'durable-objects' } = bindings;
  const name = INDEX_STORES.find((known) => known === INDEX_STORE);
  switch (name) {
    case 'durable-objects':
      return durableObjects();
    case 'vectorize': {
      const account = createVectorizeAccount({
        accountId: needed(bindings, 'CLOUDFLARE_ACCOUNT_ID'),
        apiToken: needed(bindings, 'CLOUDFLARE_API_TOKEN'),
        bindings: boundIndexes(bindings),
        fetch,
      });
      return createVectorizeStore(
        rememberedAccount(account, () => performance.now()),
        listOf(bindings.VECTORIZE_FILTERS),
      );
    }
    case 'qdrant': {
      const { QDRANT_API_KEY: apiKey } = bindings;
      const url = needed(bindings, 'QDRANT_URL');
      if (!z.url({ protocol: /^https?$/ }).safeParse(url).success) {
        throw wrong('QDRANT_URL', 'an address, as https://qdrant.example.org:6333,', `'${url}'`);
      }
      return createQdrantStore({ url, fetch, ...(apiKey === undefined ? {} : { apiKey }) });
    }
    default:
      throw wrong('INDEX_STORE', `one of ${INDEX_STORES.join(', ')}`, `'${INDEX_STORE}'`);
  }
}

/** Bindings of Vectorize by the name of their index. */
function boundIndexes(bindings: object): Readonly<Record<string, VectorizeData>> {
  return Object.fromEntries(
    Object.entries(bindings).flatMap(([binding, value]) => {
      const [, name] = VECTORIZE_BINDING.exec(binding) ?? [];
      return name !== undefined && isVectorize(value)
        ? [[name.toLowerCase().replaceAll('_', '-'), value]]
        : [];
    }),
  );
}

function isVectorize(value: unknown): value is VectorizeData {
  return typeof value === 'object' && value !== null && 'getByIds' in value && 'upsert' in value;
}

function needed(bindings: IndexStoreBindings, name: keyof IndexStoreBindings): string {
  const value = bindings[name] ?? '';
  if (value !== '') return value;
  throw wrong(name, `a value, which INDEX_STORE '${bindings.INDEX_STORE}' needs,`, 'none');
}

function listOf(text = ''): string[] {
  return text.split(/[\s,]+/).filter((part) => part !== '');
}

function wrong(name: string, expected: string, found: string): InputError {
  return new InputError(
    'invalid_argument',
    `Expected ${expected} for the variable ${name} but found ${found}.`,
    { param: name },
  );
}
