// What others build: usearch and hnswlib, native libraries of approximate indexes, in this process. Each is
// asked at the narrowest breadth that reaches the recall wanted.

import { closeSync, openSync, readSync } from 'node:fs';
import { stat } from 'node:fs/promises';
import { join } from 'node:path';
import { dot } from '../../core/cosine.ts';
import { createTopRows } from '../../core/top-rows.ts';
import { type DataSet, TOP } from './data-set.ts';
import type { Rival } from './rival.ts';

/** M of HNSW: the default of both libraries. */
const CONNECTIVITY = 16;
/** Breadth while building: usearch's default, and what hnswlib's documents take. */
const USEARCH_EXPANSION = 128;
const HNSWLIB_EXPANSION = 200;
const BREADTHS = [16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512, 768, 1024];
const BATCH = 10_000;
/** Candidates per hit that are compared exactly, where the index is too coarse to tell them apart. */
const REFINE = 10;

export async function usearch(): Promise<Rival[]> {
  let library: typeof import('usearch');
  try {
    library = await import('usearch');
  } catch {
    console.log('usearch is left out: npm install usearch');
    return [];
  }
  const { Index, MetricKind, ScalarKind } = library;
  return [ScalarKind.F32, ScalarKind.I8].map((quantization): Rival => {
    const create = (dimensions: number, breadth: number) =>
      new Index({
        metric: MetricKind.Cos,
        dimensions,
        quantization,
        connectivity: CONNECTIVITY,
        expansion_add: USEARCH_EXPANSION,
        expansion_search: breadth,
        multi: false,
      });
    const fileIn = (folder: string) => join(folder, 'index.usearch');
    return {
      name: `usearch, HNSW, ${quantization}`,
      breadths: BREADTHS,
      async build(data, folder) {
        const index = create(data.dimensions, USEARCH_EXPANSION);
        for await (const { first, vectors } of data.batches(BATCH)) {
          const rows = vectors.length / data.dimensions;
          const keys = BigUint64Array.from({ length: rows }, (_, row) => BigInt(first + row));
          const allThreads = 0;
          index.add(keys, vectors, allThreads);
        }
        index.save(fileIn(folder));
      },
      async open({ dimensions, vectorFile }, folder) {
        // Of bytes alone no breadth reaches a recall of 0.95.
        const exact = quantization === ScalarKind.I8 ? exactRows(vectorFile, dimensions) : undefined;
        // The breadth is fixed when an index is made.
        const opened = new Map<number, ReturnType<typeof create>>();
        const at = (breadth: number) => {
          const index = opened.get(breadth) ?? create(dimensions, breadth);
          if (!opened.has(breadth)) {
            opened.clear();
            index.load(fileIn(folder));
            opened.set(breadth, index);
          }
          return index;
        };
        return {
          query: async (vector, breadth) => {
            const index = at(breadth);
            const start = performance.now();
            const { keys } = index.search(vector, exact === undefined ? TOP : TOP * REFINE, 1);
            const rows = Array.from(keys, Number);
            return { rows: exact?.best(vector, rows) ?? rows, ms: performance.now() - start };
          },
          bytes: async () =>
            (await stat(fileIn(folder))).size + (exact === undefined ? 0 : (await stat(vectorFile)).size),
          async close() {
            opened.clear();
            exact?.close();
          },
        };
      },
    };
  });
}

/** Compares rows by their vectors on disk, which the system keeps in memory. */
function exactRows(vectorFile: string, dimensions: number) {
  const file = openSync(vectorFile, 'r');
  const stored = new Float32Array(dimensions);
  return {
    best(vector: Float32Array, rows: readonly number[]): number[] {
      const top = createTopRows(TOP);
      for (const row of rows) {
        readSync(file, stored, 0, stored.byteLength, row * stored.byteLength);
        top.offer(row, dot(vector, stored));
      }
      return [...top.ranked().rows];
    },
    close: () => closeSync(file),
  };
}

/**
 * Not among the development packages: it is compiled where it is installed, and takes the processor's wide
 * registers only if told to (-march=native). One thread builds: its binding has no other way.
 */
export async function hnswlib(): Promise<Rival[]> {
  let library: typeof import('hnswlib-node');
  try {
    library = await import('hnswlib-node');
  } catch {
    console.log('hnswlib is left out: CXXFLAGS="-O3 -march=native" npm install --no-save hnswlib-node@3.0.0');
    return [];
  }
  const { HierarchicalNSW } = library.default;
  const fileIn = (folder: string) => join(folder, 'index.hnsw');
  const rival: Rival = {
    name: 'hnswlib, float32',
    maxCount: 100_000,
    breadths: BREADTHS,
    async build(data: DataSet, folder) {
      const index = new HierarchicalNSW('ip', data.dimensions);
      index.initIndex(data.count, CONNECTIVITY, HNSWLIB_EXPANSION);
      for await (const { first, vectors } of data.batches(BATCH)) {
        for (let row = 0; row < vectors.length / data.dimensions; row += 1) {
          const start = row * data.dimensions;
          index.addPoint(Array.from(vectors.subarray(start, start + data.dimensions)), first + row);
        }
      }
      index.writeIndexSync(fileIn(folder));
    },
    async open({ dimensions }, folder) {
      const index = new HierarchicalNSW('ip', dimensions);
      index.readIndexSync(fileIn(folder));
      return {
        async query(vector, breadth) {
          index.setEf(breadth);
          const point = Array.from(vector);
          const start = performance.now();
          const { neighbors } = index.searchKnn(point, TOP);
          return { rows: neighbors.toReversed(), ms: performance.now() - start };
        },
        bytes: async () => (await stat(fileIn(folder))).size,
        close: async () => {},
      };
    },
  };
  return [rival];
}
