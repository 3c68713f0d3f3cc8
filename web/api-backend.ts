// The model behind the API: each question of the page is a request that a curl could send.

import { normaliseL2, poolMap } from '../core/descriptors.ts';
import { base64ToFloat32 } from '../core/encodings.ts';
import { once } from '../core/turns.ts';
import type { AnalyzeAnswer } from '../worker/schemas/classify.ts';
import { embed, type LayerAndPool, openApiIndex, openApiPhotoIndex } from './api-index.ts';
import { type ApiRequests, answerOf, createApiRequests } from './api-requests.ts';
import type { Backend, IndexName, Phase, PhotoIndex } from './backend.ts';
import { createMemoryIndex } from './memory-index.ts';
import { ApiError, IndexLostError } from './page-error.ts';

export interface ApiBackendOptions {
  /** The key for `Authorization`, where the deployment asks for one. */
  readonly key: () => string;
  /** Name of the index; other browsers have others. */
  readonly indexName: string;
}

/** Names of the indexes that pages make: whose photographs they hold is nobody else's business. */
export const PAGE_INDEX = 'page-';

export function createApiBackend({ key, indexName }: ApiBackendOptions): Backend {
  const requests = createApiRequests(key);
  const { send, ask } = requests;
  const descriptor = once(async (): Promise<LayerAndPool> => {
    const { data } = await ask<{ data: { default_descriptor?: LayerAndPool }[] }>('GET', '/v1/models');
    return data[0]?.default_descriptor ?? { layer: 'features', pool: 'gem' };
  });
  return {
    async analyse(photo) {
      const start = performance.now();
      const response = await send('POST', '/v1/analyze?encoding_format=base64', photo);
      const answer = await answerOf<AnalyzeAnswer>(response);
      const total = performance.now() - start;
      const [analysis] = answer.data;
      if (analysis === undefined || typeof analysis.features !== 'string') {
        throw new Error('Expected features in the answer but found none.');
      }
      const features = base64ToFloat32(analysis.features, 'features');
      const { layer, pool } = await descriptor();
      return {
        classes: analysis.classes,
        features,
        vector: layer === 'features' ? normaliseL2(poolMap(features, pool)) : undefined,
        phases: phasesOf(response.headers.get('server-timing') ?? '', total),
        model: answer.model,
        engine: answer.engine,
        untrained: answer.untrained === true,
      };
    },
    features: (photo) => embed(requests, photo, { layer: 'features', pool: 'none' }),
    index: lazyIndex(() => makeIndex(requests, indexName, descriptor)),
    async otherIndexes() {
      try {
        const { data } = await ask<{ data: IndexName[] }>('GET', '/v1/indexes');
        return data.filter(({ name }) => !name.startsWith(PAGE_INDEX));
      } catch (error) {
        // A server without indexes.
        if (error instanceof ApiError && error.status === 404) return [];
        throw error;
      }
    },
    openIndex: (name) => openApiIndex(requests, name),
  };
}

/** Creates the page's index. Where the server keeps none, the page does, of the server's vectors. */
async function makeIndex(
  requests: ApiRequests,
  name: string,
  descriptor: () => Promise<LayerAndPool>,
): Promise<PhotoIndex> {
  const { send, ask } = requests;
  const create = () => ask('POST', '/v1/indexes', { name });
  try {
    await create();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404) {
      return createMemoryIndex(async (photo) => embed(requests, photo, await descriptor()));
    }
    if (error.code !== 'index_mismatch') throw error;
    // The vectors of another model, from before: the photographs are still here and are indexed anew.
    await send('DELETE', `/v1/indexes/${name}`);
    await create();
  }
  return openApiPhotoIndex(requests, name);
}

/** The index, opened by the first who needs it; a failure is forgotten, and so is an index that is gone. */
function lazyIndex(open: () => Promise<PhotoIndex>): PhotoIndex {
  let opened = once(open);
  const use = async <T>(work: (index: PhotoIndex) => Promise<T>): Promise<T> => {
    try {
      return await work(await opened());
    } catch (error) {
      if (!(error instanceof ApiError) || error.status !== 404) throw error;
      opened = once(open);
      throw new IndexLostError();
    }
  };
  return {
    add: (items) => use((index) => index.add(items)),
    delete: (id) => use((index) => index.delete(id)),
    has: (ids) => use((index) => index.has(ids)),
    search: (by, count) => use((index) => index.search(by, count)),
    sample: (limit) => use((index) => index.sample(limit)),
  };
}

/**
 * `decode;dur=3.1, backbone;dur=40` (W3C Server-Timing); what is left of the whole is the way there and back.
 * None where the answer came from a cache.
 */
function phasesOf(header: string, total: number): Phase[] {
  const phases = [...header.matchAll(/([a-z]+);dur=([\d.]+)/g)].map(([, name = '', milliseconds]) => ({
    name,
    milliseconds: Number(milliseconds),
  }));
  if (phases.length === 0) return [];
  const computed = phases.reduce((sum, { milliseconds }) => sum + milliseconds, 0);
  return [...phases, { name: 'network', milliseconds: Math.max(0, total - computed) }];
}
