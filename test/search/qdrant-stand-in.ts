// The part of Qdrant's REST API that search/qdrant-store.ts uses, for tests: its
// refusals (ids, dimensions, sizes, unknown fields of a filter) as documented at api.qdrant.tech.

import * as z from 'zod';

const UUID = /^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/;
const MAX_BODY_BYTES = 32 * 1024 * 1024;

type Scalar = string | number | boolean;
interface Point {
  readonly id: string;
  readonly vector: readonly number[];
  readonly payload: Record<string, unknown>;
}
interface State {
  readonly collections: Map<string, Collection>;
  /** Alias → collection. */
  readonly aliases: Map<string, string>;
}
interface Collection {
  readonly size: number;
  readonly metadata: unknown;
  readonly points: Map<string, Point>;
}

const range = z.strictObject({
  gt: z.number().optional(),
  gte: z.number().optional(),
  lt: z.number().optional(),
  lte: z.number().optional(),
});
const field = z.strictObject({
  key: z.string(),
  match: z.strictObject({ value: z.union([z.string(), z.int(), z.boolean()]) }).optional(),
  range: range.optional(),
});
const condition = z.union([field, z.strictObject({ should: z.array(field).min(1) })]);
const point = z.strictObject({
  id: z.string().regex(UUID),
  vector: z.array(z.number()),
  payload: z.record(z.string(), z.unknown()),
});
const bodies = {
  create: z.strictObject({
    vectors: z.strictObject({ size: z.int().min(1).max(65_536), distance: z.literal('Cosine') }),
    metadata: z.record(z.string(), z.unknown()),
  }),
  upsert: z.strictObject({ points: z.array(point).min(1) }),
  get: z.strictObject({
    ids: z.array(z.string()),
    with_payload: z.literal(true),
    with_vector: z.literal(true),
  }),
  delete: z.strictObject({ points: z.array(z.string()) }),
  aliases: z.strictObject({
    actions: z.array(
      z.union([
        z.strictObject({
          create_alias: z.strictObject({ alias_name: z.string(), collection_name: z.string() }),
        }),
        z.strictObject({ delete_alias: z.strictObject({ alias_name: z.string() }) }),
      ]),
    ),
  }),
  count: z.strictObject({ exact: z.literal(true) }),
  query: z.strictObject({
    query: z.array(z.number()),
    limit: z.int().min(1),
    with_payload: z.literal(true),
    filter: z.strictObject({ must: z.array(condition) }).optional(),
  }),
};

/** Answers as Qdrant does, without a network. */
export function createQdrantStandIn(apiKey: string): typeof globalThis.fetch {
  const state: State = { collections: new Map(), aliases: new Map() };
  return async (input, init) => {
    const request = new Request(input, init);
    const body = await request.text();
    if (request.headers.get('api-key') !== apiKey) return failure(401, 'Must provide an API key');
    if (new TextEncoder().encode(body).length > MAX_BODY_BYTES) return failure(413, 'Payload too large');
    try {
      const { pathname, searchParams } = new URL(request.url);
      const [, root, name = '', ...rest] = pathname.split('/');
      const json: unknown = body === '' ? undefined : JSON.parse(body);
      const shown = root === 'aliases' || name === 'aliases' ? 'aliases' : name === '' ? '' : '*';
      const route = `${request.method} ${shown}${rest.map((part) => `/${part}`).join('')}`;
      const result = answer(state, route, name, json, searchParams.get('wait') === 'true');
      if (result === undefined) return failure(404, `Not found: Collection ${name}`);
      return Response.json({ result, status: 'ok', time: 0 });
    } catch (error) {
      return failure(400, String(error));
    }
  };
}

function failure(status: number, error: string): Response {
  return Response.json({ status: { error } }, { status });
}

function answer(
  { collections, aliases }: State,
  route: string,
  asked: string,
  json: unknown,
  wait: boolean,
): unknown {
  const name = aliases.get(asked) ?? asked;
  if (route === 'GET aliases') {
    return {
      aliases: [...aliases].map(([alias_name, collection_name]) => ({ alias_name, collection_name })),
    };
  }
  if (route === 'POST aliases') {
    for (const action of bodies.aliases.parse(json).actions) {
      if ('delete_alias' in action) {
        aliases.delete(action.delete_alias.alias_name);
      } else {
        const { alias_name, collection_name } = action.create_alias;
        if (!collections.has(collection_name)) throw new Error(`No collection ${collection_name}`);
        if (collections.has(alias_name)) throw new Error(`Collection ${alias_name} exists`);
        aliases.set(alias_name, collection_name);
      }
    }
    return true;
  }
  if (route === 'GET ') return { collections: [...collections.keys()].map((known) => ({ name: known })) };
  if (route === 'PUT *') {
    if (collections.has(name) || aliases.has(asked)) throw new Error(`Collection ${name} already exists`);
    const { vectors, metadata } = bodies.create.parse(json);
    collections.set(name, { size: vectors.size, metadata, points: new Map() });
    return true;
  }
  const collection = collections.get(name);
  if (collection === undefined) return undefined;
  const { points, size, metadata } = collection;
  switch (route) {
    case 'GET *':
      return { config: { params: { vectors: { size, distance: 'Cosine' } }, metadata } };
    case 'DELETE *':
      return collections.delete(name);
    case 'POST */points/count':
      bodies.count.parse(json);
      return { count: points.size };
    case 'PUT */points':
      for (const added of bodies.upsert.parse(json).points) {
        if (added.vector.length !== size)
          throw new Error(`expected dim: ${size}, got ${added.vector.length}`);
        points.set(added.id, added);
      }
      return { operation_id: 1, status: wait ? 'completed' : 'acknowledged' };
    case 'POST */points':
      return bodies.get.parse(json).ids.flatMap((id) => points.get(id) ?? []);
    case 'POST */points/delete':
      for (const id of bodies.delete.parse(json).points) points.delete(id);
      return { operation_id: 2, status: wait ? 'completed' : 'acknowledged' };
    case 'POST */points/query': {
      const { query, limit, filter } = bodies.query.parse(json);
      const found = [...points.values()]
        .filter(({ payload }) => (filter?.must ?? []).every((wanted) => holds(wanted, payload)))
        .map(({ id, vector, payload }) => ({ id, version: 0, score: cosine(query, vector), payload }));
      return { points: found.sort((a, b) => b.score - a.score).slice(0, limit) };
    }
    default:
      throw new Error(`No route ${route}`);
  }
}

function holds(wanted: z.infer<typeof condition>, payload: Record<string, unknown>): boolean {
  if ('should' in wanted) return wanted.should.some((one) => holds(one, payload));
  const value = wanted.key
    .split('.')
    .reduce<unknown>(
      (at, part) => (at !== null && typeof at === 'object' ? Reflect.get(at, part) : undefined),
      payload,
    );
  if (wanted.match !== undefined) return (value as Scalar) === wanted.match.value;
  const { gt, gte, lt, lte } = wanted.range ?? {};
  return (
    typeof value === 'number' &&
    (gt === undefined || value > gt) &&
    (gte === undefined || value >= gte) &&
    (lt === undefined || value < lt) &&
    (lte === undefined || value <= lte)
  );
}

function cosine(a: readonly number[], b: readonly number[]): number {
  const sum = a.reduce((total, value, index) => total + value * (b[index] ?? 0), 0);
  return sum / Math.hypot(...a) / Math.hypot(...b);
}
