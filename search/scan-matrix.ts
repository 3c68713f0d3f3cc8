// 8-bit vectors in WASM memory and the exact scan over them by the SIMD kernel (search/assembly/scan.ts).

import type { Int8Vector } from '../core/quantise-vector.ts';
import { createTopRows, type RankedRows } from '../core/top-rows.ts';

/** Rows are numbered from 0 without gaps. */
export interface ScanMatrix {
  readonly rows: number;
  /** Bytes of WASM memory. */
  readonly bytes: number;
  /** Writes row `row`, which may be the first after the last. */
  set(row: number, vector: Int8Vector): void;
  /** Puts the last row in the place of `row`; there is one row fewer. */
  removeBySwap(row: number): void;
  /** The row's values, at Euclidean length 1. */
  vector(row: number): Float32Array;
  /**
   * Gives the cosines of `query` (any length but 0) with all rows, block by block: `scores[i]` is that of
   * row `first + i`. The array is valid until `visit` returns.
   */
  scan(query: Float32Array, visit: (first: number, scores: Float32Array) => void): void;
  /** The `count` best rows; of those that `allowed` has a 1 for, where it is given. */
  nearest(query: Float32Array, count: number, allowed?: Uint8Array): RankedRows;
}

const PAGE = 65_536;
/** The kernel takes 16 values and 4 rows at a time. */
const VALUES_STEP = 16;
const ROWS_STEP = 4;
/** A block fits the second-level cache. */
const BLOCK_BYTES = 512 * 1024;
/** The query is int16, in the memory's first page. */
const MAX_DIMENSIONS = PAGE / 2;

/** `kernel` is the compiled search/scan.wasm. */
export function createScanMatrix(kernel: WebAssembly.Module, dimensions: number): ScanMatrix {
  if (dimensions > MAX_DIMENSIONS) {
    throw new RangeError(`Expected at most ${MAX_DIMENSIONS} dimensions but found ${dimensions}`);
  }
  const { memory, scan } = new WebAssembly.Instance(kernel).exports;
  if (!(memory instanceof WebAssembly.Memory) || typeof scan !== 'function') {
    throw new TypeError('Expected scan.wasm to export memory and scan. Run `npm run build:scan`.');
  }
  const stride = Math.ceil(dimensions / VALUES_STEP) * VALUES_STEP;
  const blockRows = Math.max(ROWS_STEP, Math.floor(BLOCK_BYTES / stride / ROWS_STEP) * ROWS_STEP);
  // Memory: the query, then blocks of [scores, factors, rows]. It only grows, so nothing ever moves.
  const blockBytes = Math.ceil((blockRows * (stride + 8)) / 16) * 16;
  let rows = 0;
  let blocks = 0;

  const scoresAt = (block: number) => PAGE + block * blockBytes;
  const factorsAt = (block: number) => scoresAt(block) + blockRows * 4;
  const rowAt = (row: number) =>
    factorsAt(Math.floor(row / blockRows)) + blockRows * 4 + (row % blockRows) * stride;
  const factorAt = (row: number) => factorsAt(Math.floor(row / blockRows)) + (row % blockRows) * 4;

  const write = (row: number, values: Int8Array, factor: number) => {
    new Int8Array(memory.buffer, rowAt(row), dimensions).set(values);
    new Float32Array(memory.buffer, factorAt(row), 1)[0] = factor;
  };

  const matrix: ScanMatrix = {
    get rows() {
      return rows;
    },
    get bytes() {
      return memory.buffer.byteLength;
    },
    set(row, { values }) {
      if (row > rows || values.length !== dimensions) {
        throw new RangeError(`Expected a row up to ${rows} of ${dimensions} values but found ${row}`);
      }
      if (row === blocks * blockRows) {
        const missing = scoresAt(blocks + 1) - memory.buffer.byteLength;
        if (missing > 0) memory.grow(Math.ceil(missing / PAGE));
        blocks += 1;
      }
      let squares = 0;
      for (const value of values) squares += value * value;
      write(row, values, squares === 0 ? 0 : 1 / Math.sqrt(squares));
      if (row === rows) rows += 1;
    },
    removeBySwap(row) {
      const last = rows - 1;
      if (row !== last) {
        const factor = new Float32Array(memory.buffer, factorAt(last), 1)[0] ?? 0;
        write(row, new Int8Array(memory.buffer, rowAt(last), dimensions), factor);
      }
      rows = last;
      // A block left empty is used again when the next row comes.
      blocks = Math.ceil(rows / blockRows);
    },
    vector(row) {
      const factor = new Float32Array(memory.buffer, factorAt(row), 1)[0] ?? 0;
      return Float32Array.from(
        new Int8Array(memory.buffer, rowAt(row), dimensions),
        (value) => value * factor,
      );
    },
    scan(query, visit) {
      const factor = writeQuery(new Int16Array(memory.buffer, 0, stride), query);
      for (let block = 0; block < blocks; block += 1) {
        const first = block * blockRows;
        const count = Math.min(blockRows, rows - first);
        const padded = Math.ceil(count / ROWS_STEP) * ROWS_STEP;
        scan(rowAt(first), factorsAt(block), padded, stride, 0, factor, scoresAt(block));
        visit(first, new Float32Array(memory.buffer, scoresAt(block), count));
      }
    },
    nearest(query, count, allowed) {
      const top = createTopRows(Math.min(count, rows));
      matrix.scan(query, (first, scores) => {
        for (let index = 0; index < scores.length; index += 1) {
          const score = scores[index] ?? 0;
          if (score > top.threshold && (allowed === undefined || allowed[first + index] === 1)) {
            top.offer(first + index, score);
          }
        }
      });
      return top.ranked();
    },
  };
  return matrix;
}

/**
 * The query as int16, as finely as the kernel's 32-bit sums allow: by Cauchy and Schwarz a sum is at most
 * ‖query‖ × 127√n. Returns the factor that takes a sum to a cosine.
 */
function writeQuery(target: Int16Array, query: Float32Array): number {
  let max = 0;
  let squares = 0;
  for (const value of query) {
    max = Math.max(max, Math.abs(value));
    squares += value * value;
  }
  const length = Math.sqrt(squares);
  // Rounding adds at most 1/2 per value, hence √n / 2 to the length.
  const root = Math.sqrt(query.length);
  const scale = Math.min(32_767 / max, ((2 ** 31 - 1) / (127 * root) - root / 2) / length);
  target.fill(0);
  let rounded = 0;
  for (let index = 0; index < query.length; index += 1) {
    const value = Math.round((query[index] ?? 0) * scale);
    target[index] = value;
    rounded += value * value;
  }
  // By the length of what was rounded, not of the query: a cosine never leaves −1…1.
  return 1 / Math.sqrt(rounded);
}
