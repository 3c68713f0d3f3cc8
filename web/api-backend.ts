// The model behind the API: each question of the page is a request that a curl could send.

import type { CellMatch } from '../core/region-match.ts';
import { once } from '../core/turns.ts';
import type { ErrorAnswer } from '../worker/schemas/answer.ts';
import type { AnalyzeAnswer } from '../worker/schemas/classify.ts';
import type { EmbeddingsAnswer } from '../worker/schemas/embeddings.ts';
import type { SimilarityAnswer } from '../worker/schemas/similarity.ts';
import type { Backend, Hit, Phase, PhotoIndex } from './backend.ts';
import { floatsOf, toBase64 } from './bytes.ts';
import { createMemoryIndex } from './memory-index.ts';
import { ApiError, OfflineError } from './page-error.ts';

export interface ApiBackendOptions {
  /** The key for `Authorization`, where the deployment asks for one. */
  readonly key: () => string;
  /** Name of the index; other browsers have others. */
  readonly indexName: string;
}

/** Items that are fetched at once. */
const PAGE_OF_IDS = 100;

/** What `/v1/indexes` pools by. */
const POOL = 'gem';

interface Requests {
  /** DELETE without a body, POST with one. */
  send(path: string, body: Blob | object | undefined): Promise<Response>;
  ask<Answer>(path: string, body: Blob | object): Promise<Answer>;
}

export function createApiBackend({ key, indexName }: ApiBackendOptions): Backend {
  const send = async (path: string, body: Blob | object | undefined): Promise<Response> => {
    const isJson = body !== undefined && !(body instanceof Blob);
    const headers: Record<string, string> = {};
    if (key() !== '') headers.authorization = `Bearer ${key()}`;
    // What an image is, its bytes say; a file without a known type goes as JPEG.
    if (body !== undefined) headers['content-type'] = isJson ? 'application/json' : imageType(body);
    let response: Response;
    try {
      response = await fetch(path, {
        method: body === undefined ? 'DELETE' : 'POST',
        headers,
        body: body === undefined ? null : isJson ? JSON.stringify(body) : body,
      });
    } catch {
      throw new OfflineError();
    }
    if (response.ok) return response;
    throw await errorOf(response);
  };
  const ask = async <Answer>(path: string, body: Blob | object): Promise<Answer> =>
    (await send(path, body)).json();

  return {
    async analyse(photo) {
      const response = await send('/v1/analyze?encoding_format=base64', photo);
      const answer: AnalyzeAnswer = await response.json();
      const [analysis] = answer.data;
      if (analysis === undefined || typeof analysis.features !== 'string') {
        throw new Error('Expected features in the answer but found none.');
      }
      return {
        classes: analysis.classes,
        features: floatsOf(analysis.features),
        phases: phasesOf(response.headers.get('server-timing') ?? ''),
        model: answer.model,
        engine: answer.engine,
        untrained: answer.untrained === true,
      };
    },
    async matchRegions(first, second) {
      const input = [await toBase64(first), await toBase64(second)];
      const answer = await ask<SimilarityAnswer>('/v1/similarity', { input, regions: true });
      return (answer.regions ?? []) as readonly CellMatch[];
    },
    index: lazyIndex(() => openIndex({ send, ask }, indexName)),
  };
}

function createApiIndex({ ask }: Requests, name: string): PhotoIndex {
  const path = `/v1/indexes/${name}`;
  return {
    async add(id, photo) {
      await ask(`${path}/items`, { items: [{ id, image: await toBase64(photo) }] });
    },
    async delete(id) {
      await ask(`${path}/items/delete`, { ids: [id] });
    },
    async search(by, count) {
      const query = typeof by === 'string' ? { id: by } : { input: await toBase64(by) };
      const { data } = await ask<{ data: Hit[] }>(`${path}/search`, {
        ...query,
        top_k: count,
        exclude_self: typeof by === 'string',
      });
      return data;
    },
    async vectors(ids) {
      const found = new Map<string, Float32Array>();
      for (let start = 0; start < ids.length; start += PAGE_OF_IDS) {
        const page = ids.slice(start, start + PAGE_OF_IDS);
        const { data } = await ask<{ data: { id: string; vector: string }[] }>(`${path}/items/get`, {
          ids: page,
        });
        for (const { id, vector } of data) found.set(id, floatsOf(vector));
      }
      return found;
    },
  };
}

/** Creates the index. Where the server keeps none, the page does, of the server's vectors. */
async function openIndex(requests: Requests, name: string): Promise<PhotoIndex> {
  const { send, ask } = requests;
  const create = () => ask('/v1/indexes', { name });
  try {
    await create();
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    if (error.status === 404) {
      return createMemoryIndex(async (photo) => {
        const response = await send(`/v1/embeddings?pool=${POOL}&encoding_format=base64`, photo);
        const { data }: EmbeddingsAnswer = await response.json();
        return floatsOf(String(data[0]?.embedding));
      });
    }
    if (error.code !== 'index_mismatch') throw error;
    // The vectors of another model, from before: the photographs are still here and are indexed anew.
    await send(`/v1/indexes/${name}`, undefined);
    await create();
  }
  return createApiIndex(requests, name);
}

/** The index, opened by the first who needs it; a failure is forgotten. */
function lazyIndex(open: () => Promise<PhotoIndex>): PhotoIndex {
  const opened = once(open);
  return {
    add: async (id, photo) => (await opened()).add(id, photo),
    delete: async (id) => (await opened()).delete(id),
    search: async (by, count) => (await opened()).search(by, count),
    vectors: async (ids) => (await opened()).vectors(ids),
  };
}

function imageType({ type }: Blob): string {
  return type.startsWith('image/') ? type : 'image/jpeg';
}

async function errorOf(response: Response): Promise<ApiError> {
  try {
    const { error }: ErrorAnswer = await response.json();
    return new ApiError(error.message, response.status, error.code);
  } catch {
    return new ApiError(`The server answered with status ${response.status}.`, response.status, 'unknown');
  }
}

/** `decode;dur=3.1, backbone;dur=40` (W3C Server-Timing). */
function phasesOf(header: string): Phase[] {
  return [...header.matchAll(/([a-z]+);dur=([\d.]+)/g)].map(([, name = '', milliseconds]) => ({
    name,
    milliseconds: Number(milliseconds),
  }));
}
