// Puts items into LanceDB until it is killed, and says of each batch that it is acknowledged: the other half
// of lancedb-crash.test.ts.

import type { VectorSpace } from '../../core/vector-store.ts';
import { openLanceDbStore } from '../../search/node/lancedb-store.ts';

const [folder = '', json = '', compacts] = process.argv.slice(2);
const space: VectorSpace = JSON.parse(json);
const store = await openLanceDbStore(folder);
const index = await store.create('crash', space);
for (let batch = 0; ; batch += 1) {
  const items = Array.from({ length: 20 }, (_, place) => ({
    id: `${batch}-${place}`,
    vector: new Float32Array(space.dimensions).fill(1, 0, 1 + (batch % space.dimensions)),
    metadata: { batch },
  }));
  await index.upsert(space, items);
  process.stdout.write(`${batch}\n`);
  if (compacts === 'compacts') await store.optimise('crash');
}
