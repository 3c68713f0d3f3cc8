// Searching in this process's memory: our scan, a plain loop that shows what the kernel is worth, and the
// memory store.

import { dot } from '../../core/cosine.ts';
import { toInt8 } from '../../core/quantise-vector.ts';
import { createTopRows } from '../../core/top-rows.ts';
import { createMemoryStore } from '../../search/memory-store.ts';
import { loadScanKernel } from '../../search/node/scan-kernel.ts';
import { createScanMatrix } from '../../search/scan-matrix.ts';
import { type DataSet, TOP } from './data-set.ts';
import type { Rival } from './rival.ts';
import { fill, query, spaceOf } from './stores.ts';

const BATCH = 1000;

export const plainLoop: Rival = {
  name: 'plain loop, float32',
  maxCount: 100_000,
  async open({ dimensions, ...data }) {
    const parts: Float32Array[] = [];
    for await (const { vectors } of data.batches(BATCH)) parts.push(vectors);
    return {
      async query(vector) {
        const top = createTopRows(TOP);
        parts.forEach((part, batch) => {
          for (let row = 0; row < part.length / dimensions; row += 1) {
            const score = dot(vector, part.subarray(row * dimensions, (row + 1) * dimensions));
            if (score > top.threshold) top.offer(batch * BATCH + row, score);
          }
        });
        return { rows: [...top.ranked().rows] };
      },
      bytes: async () => data.count * dimensions * 4,
      close: async () => {},
    };
  },
};

export const scanInNode: Rival = {
  name: 'our scan, int8, in Node',
  async open({ dimensions, batches }) {
    const matrix = createScanMatrix(loadScanKernel(), dimensions);
    for await (const { first, vectors } of batches(BATCH)) {
      for (let row = 0; row < vectors.length / dimensions; row += 1) {
        matrix.set(first + row, toInt8(vectors.subarray(row * dimensions, (row + 1) * dimensions)));
      }
    }
    return {
      query: async (vector) => ({ rows: [...matrix.nearest(vector, TOP).rows] }),
      bytes: async () => matrix.bytes,
      close: async () => {},
    };
  },
};

export const memoryStore: Rival = {
  name: 'memory store, float32',
  maxCount: 100_000,
  async open(data: DataSet) {
    const store = createMemoryStore();
    await fill(store, data);
    const index = await store.open('bench');
    return {
      query: (vector) => query(index, vector, spaceOf(vector.length)),
      bytes: async () => data.count * data.dimensions * 4,
      close: () => store.close(),
    };
  },
};
