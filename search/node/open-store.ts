// A place as it is written on a command line → the vector store that it means.

import { InputError } from '../../core/errors.ts';
import type { VectorStore } from '../../core/vector-store.ts';
import { createQdrantStore } from '../qdrant-store.ts';
import { rememberedAccount } from '../remembered-account.ts';
import { createRemoteStore } from '../remote-store.ts';
import { createVectorizeAccount } from '../vectorize-account.ts';
import { createVectorizeStore } from '../vectorize-store.ts';
import { openLanceDbStore } from './lancedb-store.ts';
import { createPgvectorStore, openPostgres } from './pgvector-store.ts';

export const STORES = 'a folder or s3://… (LanceDB), postgres://…, qdrant:http://…, vectorize:ACCOUNT';

/**
 * Those of STORES, and http://… of a running server. Keys come from the environment: QDRANT_API_KEY,
 * CLOUDFLARE_API_TOKEN, VGG_EDGE_API_KEY. Throws InputError, SourceError.
 */
export async function openStore(
  place: string,
  environment: Readonly<Record<string, string | undefined>> = process.env,
): Promise<VectorStore> {
  if (/^https?:/.test(place)) {
    const apiKey = environment.VGG_EDGE_API_KEY;
    return createRemoteStore({ url: place, ...(apiKey === undefined ? {} : { apiKey }) });
  }
  if (/^postgres(ql)?:/.test(place)) return createPgvectorStore(await openPostgres(place));
  const [scheme, rest = ''] = place.split(/:(.*)/s);
  if (scheme === 'qdrant') {
    const apiKey = environment.QDRANT_API_KEY;
    return createQdrantStore({ url: rest, ...(apiKey === undefined ? {} : { apiKey }) });
  }
  if (scheme === 'vectorize') {
    const apiToken = environment.CLOUDFLARE_API_TOKEN;
    if (apiToken === undefined) {
      throw new InputError('invalid_argument', 'Expected CLOUDFLARE_API_TOKEN in the environment.');
    }
    const account = createVectorizeAccount({ accountId: rest, apiToken });
    return createVectorizeStore(
      rememberedAccount(account, () => performance.now()),
      ['folder'],
    );
  }
  return openLanceDbStore(place);
}
