// Ids without repetition in fixed memory: a Bloom filter of those given. What it takes for repeated gets its
// place in the list behind it, so that being wrong costs an id its beauty and nothing else.
// B. H. Bloom, Space/time trade-offs in hash coding with allowable errors, CACM 13 (1970).

import { hash } from 'node:crypto';
import { toItemId } from './item-id.ts';

/** 32 MiB: of ten million ids about twenty are taken for repeated, of a hundred million many. */
const BITS = 2 ** 28;
const PROBES = 8;

export interface UniqueIds {
  /** The name as an id; `name#place` where it was given before. */
  take(name: string, place: number): string;
}

export function createUniqueIds(bits = BITS): UniqueIds {
  const words = new Uint32Array(bits / 32);
  /** Marks the id; whether every bit of it was set already. */
  const seen = (id: string): boolean => {
    const digest = hash('md5', id, 'buffer');
    const first = digest.readUInt32LE(0);
    const step = (digest.readUInt32LE(4) | 1) >>> 0;
    let all = true;
    for (let probe = 0; probe < PROBES; probe += 1) {
      const bit = (first + probe * step) % bits;
      const word = words[bit >>> 5] ?? 0;
      const mask = 1 << (bit & 31);
      if ((word & mask) === 0) all = false;
      words[bit >>> 5] = word | mask;
    }
    return all;
  };
  return {
    take(name, place) {
      const id = toItemId(name);
      if (!seen(id)) return id;
      const other = toItemId(`${name}#${place}`);
      if (!seen(other)) return other;
      // An earlier name may look like the other; hardly one with its place doubled.
      const last = toItemId(`${name}#${place}#${place}`);
      seen(last);
      return last;
    },
  };
}
