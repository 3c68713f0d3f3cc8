// What can go wrong with indexes alone; failures of bodies and images stand in failures.ts.

import { SourceError } from '../../core/errors.ts';
import type { VectorStore } from '../../core/vector-store.ts';
import { createAdmission } from '../../worker/admission.ts';
import { INDEX_ROUTES } from '../../worker/index-api-routes.ts';
import type { Failure } from './failures.ts';
import { goodRequest, json, pathOf, SPACE, sent } from './requests.ts';

const routesOf = (...operations: string[]) =>
  INDEX_ROUTES.filter(({ operationId }) => operations.includes(operationId));
const withBody = (body: object): Failure['request'] => {
  return (route) => sent(route, json(JSON.stringify(body)));
};

const vector = [1, 0, 0, 0];
const otherSpace = { ...SPACE, model: 'other@0123456789ab' };

const unreachable = async () => {
  throw new SourceError('unreachable', 'The store is offline.');
};
const offline: VectorStore = {
  list: unreachable,
  names: unreachable,
  create: unreachable,
  open: unreachable,
  delete: unreachable,
  aliases: unreachable,
  setAlias: unreachable,
  deleteAlias: unreachable,
  close: async () => undefined,
};

export const INDEX_FAILURES: readonly Failure[] = [
  {
    name: 'an index that is not there',
    code: 'not_found',
    status: 404,
    routes: INDEX_ROUTES.filter(({ path }) => path.includes('{index}')),
    request: (route) => {
      const [path, init] = goodRequest(route);
      return [path.replace(/colours|spare/, 'nowhere'), init];
    },
  },
  {
    name: 'an index for an alias that is not there',
    code: 'not_found',
    status: 404,
    routes: routesOf('setAlias'),
    request: withBody({ index: 'nowhere' }),
  },
  {
    name: 'an alias that is not there',
    code: 'not_found',
    status: 404,
    routes: routesOf('deleteAlias'),
    request: () => ['/v1/aliases/nowhere', { method: 'DELETE' }],
  },
  {
    name: 'an alias of an alias',
    code: 'alias_conflict',
    status: 409,
    routes: routesOf('setAlias'),
    request: withBody({ index: 'old' }),
  },
  {
    name: 'an alias with the name of an index',
    code: 'alias_conflict',
    status: 409,
    routes: routesOf('setAlias'),
    request: () => ['/v1/aliases/spare', { ...json('{"index":"colours"}'), method: 'PUT' }],
  },
  {
    name: 'deleting an index that an alias names',
    code: 'alias_conflict',
    status: 409,
    routes: routesOf('deleteIndex'),
    request: () => ['/v1/indexes/colours', { method: 'DELETE' }],
  },
  {
    name: 'deleting an index by its alias',
    code: 'alias_conflict',
    status: 409,
    routes: routesOf('deleteIndex'),
    request: () => ['/v1/indexes/shades', { method: 'DELETE' }],
  },
  {
    name: 'an item to search by that is not there',
    code: 'not_found',
    status: 404,
    routes: routesOf('searchIndex'),
    request: withBody({ id: 'nobody' }),
  },
  {
    name: 'an index of other vectors under this name',
    code: 'index_mismatch',
    status: 409,
    routes: routesOf('createIndex'),
    request: withBody({ name: 'colours', space: otherSpace }),
  },
  {
    name: 'vectors of another model going in',
    code: 'index_mismatch',
    status: 409,
    routes: routesOf('upsertItems'),
    request: withBody({ items: [{ id: 'a', vector }], space: otherSpace }),
  },
  {
    name: 'a vector of another model asking',
    code: 'index_mismatch',
    status: 409,
    routes: routesOf('searchIndex'),
    request: withBody({ vector, space: otherSpace }),
  },
  {
    name: 'a name that none may have',
    code: 'invalid_option',
    status: 422,
    routes: routesOf('createIndex'),
    request: withBody({ name: 'Not/this' }),
  },
  {
    name: 'an alias that none may have',
    code: 'invalid_option',
    status: 422,
    routes: routesOf('setAlias', 'deleteAlias'),
    request: (route) => {
      const [path, init] = goodRequest(route);
      return [path.replace(/shades|old/, 'Not-this'), init];
    },
  },
  {
    name: 'dimensions that nobody fitted',
    code: 'invalid_option',
    status: 422,
    routes: routesOf('createIndex'),
    request: withBody({ name: 'more', dimensions: 2 }),
  },
  {
    name: 'vectors of unknown space going in',
    code: 'invalid_option',
    status: 422,
    routes: routesOf('upsertItems'),
    request: withBody({ items: [{ id: 'a', vector }] }),
  },
  {
    name: 'metadata that is not flat',
    code: 'invalid_option',
    status: 422,
    routes: routesOf('upsertItems'),
    request: withBody({ items: [{ id: 'a', vector, metadata: { deep: {} } }], space: SPACE }),
  },
  {
    name: 'more hits than allowed',
    code: 'invalid_option',
    status: 422,
    routes: routesOf('searchIndex'),
    request: withBody({ id: 'red', top_k: 1001 }),
  },
  {
    name: 'a store out of reach',
    code: 'unreachable',
    status: 503,
    routes: INDEX_ROUTES,
    fixture: { dependencies: { indexes: offline } },
    request: goodRequest,
  },
  {
    name: 'another type of body, told before its turn',
    code: 'unsupported_media_type',
    status: 415,
    routes: routesOf('createIndex', 'upsertItems', 'getItems', 'deleteItems', 'searchIndex'),
    fixture: { dependencies: { admission: createAdmission({ maxRunning: 0, maxWaiting: 0 }) } },
    request: (route) => [
      pathOf(route),
      { method: 'POST', headers: { 'content-type': 'text/plain' }, body: 'a' },
    ],
  },
  {
    name: 'more indexes than allowed',
    code: 'too_many_indexes',
    status: 409,
    routes: routesOf('createIndex'),
    fixture: { limits: { maxIndexes: 2 } },
    request: goodRequest,
  },
  {
    name: 'more aliases than allowed',
    code: 'too_many_indexes',
    status: 409,
    routes: routesOf('setAlias'),
    fixture: { limits: { maxIndexes: 1 } },
    request: () => ['/v1/aliases/second', { ...json('{"index":"colours"}'), method: 'PUT' }],
  },
  {
    name: 'too much work waiting, without an image in it',
    code: 'overloaded',
    status: 503,
    routes: routesOf('createIndex', 'getItems', 'deleteItems', 'setAlias'),
    fixture: { dependencies: { admission: createAdmission({ maxRunning: 0, maxWaiting: 0 }) } },
    request: goodRequest,
  },
];
