// Takes vectors as bytes, so that what is measured is the store: POST /upsert and /query, GET /count.

import type { VectorSpace } from '../../../core/vector-store.ts';
import { createDurableObjectStore } from '../../../search/edge/durable-object-store.ts';
import type { IndexCatalog } from '../../../search/edge/index-catalog.ts';
import type { VectorShard } from '../../../search/edge/vector-shard.ts';

export { IndexCatalog } from '../../../search/edge/index-catalog.ts';
export { VectorShard } from '../../../search/edge/vector-shard.ts';

interface Bindings {
  readonly INDEX_CATALOG: DurableObjectNamespace<IndexCatalog>;
  readonly VECTOR_SHARDS: DurableObjectNamespace<VectorShard>;
}

export default {
  async fetch(request, { INDEX_CATALOG: catalog, VECTOR_SHARDS: shards }) {
    const { pathname, searchParams } = new URL(request.url);
    const numberOf = (name: string) => Number(searchParams.get(name));
    const space: VectorSpace = {
      model: 'bench@000000000000',
      preprocess: 'none',
      layer: 'features',
      pool: 'gem',
      projection: null,
      dimensions: numberOf('dimensions'),
    };
    const shardsPerIndex = numberOf('shards');
    const store = createDurableObjectStore({ catalog, shards, shardsPerIndex });
    const index = await store.create(`shards-${shardsPerIndex}`, space);
    if (pathname === '/count') return new Response(String((await index.describe()).items));
    const values = new Float32Array(await request.arrayBuffer());
    const vectorAt = (row: number) => values.subarray(row * space.dimensions, (row + 1) * space.dimensions);
    if (pathname === '/upsert') {
      const first = numberOf('first');
      const items = Array.from({ length: values.length / space.dimensions }, (_, row) => ({
        id: String(first + row),
        vector: vectorAt(row),
        metadata: { even: (first + row) % 2 === 0 },
      }));
      await index.upsert(space, items);
      return new Response();
    }
    const filter = searchParams.has('filtered') ? { filter: { even: true } } : {};
    const start = performance.now();
    const hits = await index.query({ by: { vector: vectorAt(0), space }, topK: 10, ...filter });
    // The runtime's clock stands still while code computes; the call to the objects moves it on.
    return Response.json({ ms: performance.now() - start, ids: hits.map(({ id }) => Number(id)) });
  },
} satisfies ExportedHandler<Bindings>;
