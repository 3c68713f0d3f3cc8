// Cloudflare's HTTP API of Vectorize over the stand-in, without a network.

import * as z from 'zod';
import type { VectorizeFilter } from '../../search/vectorize-api.ts';
import type { VectorizeStandIn } from './vectorize-stand-in.ts';

const PREFIX = '/client/v4/accounts/account/vectorize/v2/indexes';

const metadata = z.record(z.string(), z.union([z.string(), z.number(), z.boolean()]));
const bodies = {
  create: z.strictObject({
    name: z.string(),
    description: z.string(),
    config: z.strictObject({ dimensions: z.int(), metric: z.literal('cosine') }),
  }),
  metadataIndex: z.strictObject({ propertyName: z.string(), indexType: z.enum(['string', 'number']) }),
  vector: z.strictObject({ id: z.string(), values: z.array(z.number()), metadata }),
  ids: z.strictObject({ ids: z.array(z.string()) }),
  query: z.strictObject({
    vector: z.array(z.number()),
    topK: z.int(),
    returnMetadata: z.enum(['all', 'none']),
    filter: z.custom<VectorizeFilter>().optional(),
  }),
};

/** Every write is processed before the next request, as it is there some seconds later. */
export function vectorizeFetch(account: VectorizeStandIn, apiToken: string): typeof globalThis.fetch {
  return async (input, init) => {
    const request = new Request(input, init);
    const body = await request.text();
    const { origin, pathname } = new URL(request.url);
    if (origin !== 'https://api.cloudflare.com' || !pathname.startsWith(PREFIX)) return failure(404);
    if (request.headers.get('authorization') !== `Bearer ${apiToken}`) return failure(403);
    await account.settle();
    const [, name = '', ...rest] = pathname.slice(PREFIX.length).split('/');
    if (name !== '' && !(await account.list()).some((index) => index.name === name)) return failure(404);
    try {
      const route = `${request.method} ${rest.join('/')}`;
      const result = await answer(account, route, name, body);
      return Response.json({ success: true, errors: [], messages: [], result: result ?? {} });
    } catch (error) {
      return failure(400, String(error));
    }
  };
}

async function answer(
  account: VectorizeStandIn,
  route: string,
  name: string,
  body: string,
): Promise<unknown> {
  const json = () => JSON.parse(body);
  if (name === '') {
    if (route === 'GET ') return account.list();
    const { name: added, description, config } = bodies.create.parse(json());
    return account.create(added, config.dimensions, description, []);
  }
  switch (route) {
    case 'DELETE ':
      return account.delete(name);
    case 'GET info':
      return account.data(name).describe();
    case 'POST metadata_index/create':
      return account.addMetadataIndex(name, bodies.metadataIndex.parse(json()));
    case 'POST upsert':
      return account.data(name).upsert(body.split('\n').map((line) => bodies.vector.parse(JSON.parse(line))));
    case 'POST get_by_ids': {
      const found = await account.data(name).getByIds(bodies.ids.parse(json()).ids);
      return found.map(({ values, ...vector }) => ({ ...vector, values: Array.from(values) }));
    }
    case 'POST delete_by_ids':
      return account.data(name).deleteByIds(bodies.ids.parse(json()).ids);
    case 'POST query': {
      const { vector, filter, ...options } = bodies.query.parse(json());
      return account.data(name).query(vector, { ...options, ...(filter === undefined ? {} : { filter }) });
    }
    default:
      throw new Error(`No route ${route}`);
  }
}

function failure(status: number, message = 'refused'): Response {
  return Response.json({ success: false, errors: [{ code: status, message }] }, { status });
}
