// Damage to a file, decided by a seed: the same seed and corpus give the same bytes.

import { crc32 } from 'node:zlib';
import { createRandom } from '../model-build/random.ts';

/** Values at which length fields and counters break. */
const EDGES = [0, 1, 0x7f, 0x80, 0xff, 0x7fff, 0x8000, 0xffff, 0x7fffffff, 0x80000000, 0xffffffff];

type Mutation = (bytes: Uint8Array, below: (limit: number) => number, other: Uint8Array) => Uint8Array;

const MUTATIONS: readonly Mutation[] = [
  function flipBit(bytes, below) {
    return patched(bytes, near(bytes, below), (old) => [old ^ (1 << below(8))]);
  },
  function setByte(bytes, below) {
    return patched(bytes, near(bytes, below), () => [below(256)]);
  },
  function setEdge(bytes, below) {
    const value = EDGES[below(EDGES.length)] ?? 0;
    const width = [1, 2, 4][below(3)] ?? 1;
    const big = Array.from({ length: width }, (_, index) => (value >>> (8 * (width - 1 - index))) & 255);
    return patched(bytes, near(bytes, below), () => (below(2) === 0 ? big : big.toReversed()));
  },
  function cut(bytes, below) {
    return bytes.subarray(0, below(bytes.length));
  },
  function drop(bytes, below) {
    const [from, to] = span(bytes, below);
    return joined(bytes.subarray(0, from), bytes.subarray(to));
  },
  function double(bytes, below) {
    const [from, to] = span(bytes, below);
    return joined(bytes.subarray(0, to), bytes.subarray(from));
  },
  function insert(bytes, below) {
    const at = below(bytes.length + 1);
    const noise = Uint8Array.from({ length: 1 + below(16) }, () => below(256));
    return joined(bytes.subarray(0, at), noise, bytes.subarray(at));
  },
  function splice(bytes, below, other) {
    return joined(bytes.subarray(0, below(bytes.length + 1)), other.subarray(below(other.length + 1)));
  },
  function overwrite(bytes, below, other) {
    const [from, to] = span(other, below);
    return patched(bytes, near(bytes, below), () => [...other.subarray(from, to)]);
  },
];

/**
 * One to four mutations of a file of the corpus, half of the time of one of its first `originals`, which are
 * whole. Never empty.
 */
export function mutate(corpus: readonly Uint8Array[], originals: number, seed: number): Uint8Array {
  const random = createRandom(seed);
  const below = (limit: number) => Math.floor(random() * limit);
  const pick = () => corpus[below(below(2) === 0 ? originals : corpus.length)] ?? new Uint8Array(1);
  let bytes = pick();
  for (let rounds = 1 + below(4); rounds > 0 && bytes.length > 0; rounds -= 1) {
    const mutation = MUTATIONS[below(MUTATIONS.length)];
    if (mutation !== undefined) bytes = mutation(bytes, below, pick());
  }
  if (below(4) !== 0) bytes = withPngChecksums(bytes);
  return bytes.length === 0 ? new Uint8Array(1) : bytes;
}

const PNG_SIGNATURE = [0x89, 0x50, 0x4e, 0x47, 0x0d, 0x0a, 0x1a, 0x0a];

/** With right checksums damage reaches what lies behind the check of them. Other files stay as they are. */
function withPngChecksums(bytes: Uint8Array): Uint8Array {
  if (PNG_SIGNATURE.some((byte, index) => bytes[index] !== byte)) return bytes;
  const copy = bytes.slice();
  const view = new DataView(copy.buffer);
  let at = PNG_SIGNATURE.length;
  while (at + 12 <= copy.length) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > copy.length) break;
    view.setUint32(end, crc32(copy.subarray(at + 4, end)));
    at = end + 4;
  }
  return copy;
}

/** Half of the places lie among the headers. */
function near(bytes: Uint8Array, below: (limit: number) => number): number {
  return below(2) === 0 ? below(Math.min(bytes.length, 128)) : below(bytes.length);
}

function span(bytes: Uint8Array, below: (limit: number) => number): [number, number] {
  const from = below(bytes.length);
  return [from, Math.min(bytes.length, from + 1 + below(64))];
}

function patched(bytes: Uint8Array, at: number, change: (old: number) => readonly number[]): Uint8Array {
  const copy = bytes.slice();
  const values = change(bytes[at] ?? 0);
  values.forEach((value, index) => {
    if (at + index < copy.length) copy[at + index] = value;
  });
  return copy;
}

function joined(...pieces: readonly Uint8Array[]): Uint8Array {
  return new Uint8Array(Buffer.concat(pieces));
}
