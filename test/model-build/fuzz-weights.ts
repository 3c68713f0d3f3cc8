// Mutates weight files and opens them: whatever comes out is a sound file or an InputError.
//   node test/model-build/fuzz-weights.ts [mutations per file] [seed]    (npm test runs a few hundred)

import { InputError } from '../../core/errors.ts';
import { nameTensors } from '../../model-build/name-tensors.ts';
import { openSource } from '../../model-build/open-weights.ts';
import { goldenBytes } from './goldens.ts';
import { memorySource } from './memory-source.ts';

export const FUZZED_FILES: readonly string[] = [
  'views.pth',
  'views-legacy.pth',
  'tiny-checkpoint.pth',
  'tiny-old.pth',
  'tiny-protocol4.pth',
  'tiny-rank2.safetensors',
];

/** Numbers at which readers go wrong, as little-endian 64-bit. */
const INTERESTING: readonly bigint[] = [0n, 1n, 0x7fn, 0xffn, 0xffffn, 2n ** 31n, 2n ** 32n - 1n].concat([
  2n ** 40n,
  2n ** 53n,
  2n ** 63n - 1n,
  2n ** 63n,
  2n ** 64n - 1n,
]);

export interface FuzzResult {
  readonly opened: number;
  readonly refused: number;
}

/** Throws on anything but a sound file or an InputError, with what reproduces it. */
export async function fuzzWeights(file: string, mutations: number, seed: number): Promise<FuzzResult> {
  const original = goldenBytes(file);
  const random = generator(seed);
  let opened = 0;
  for (let mutation = 0; mutation < mutations; mutation += 1) {
    const bytes = mutate(original, random);
    try {
      if (await readAll(bytes)) opened += 1;
    } catch (cause) {
      throw new Error(`${file}, seed ${seed}, mutation ${mutation} of ${mutations}`, { cause });
    }
  }
  return { opened, refused: mutations - opened };
}

/** Whether the file opened; then every tensor gave as many values as its shape has, VGG or not. */
async function readAll(bytes: Uint8Array): Promise<boolean> {
  let opened = false;
  try {
    const weights = await openSource(memorySource(bytes));
    for (const [name, { shape, dtype }] of weights.tensors) {
      const elements = shape.reduce((product, size) => product * size, 1);
      if (elements * (dtype === 'float32' ? 4 : 2) > bytes.length)
        throw new Error(`${name} exceeds its file`);
      const values = await weights.read(name);
      if (values.length !== elements) throw new Error(`${name} has ${values.length} values, not ${elements}`);
    }
    opened = true;
    nameTensors(weights);
    return true;
  } catch (error) {
    if (error instanceof InputError) return opened;
    throw error;
  }
}

/** One to four changes: bits, bytes, a number, a piece cut out, doubled or moved, the end cut off. */
function mutate(original: Uint8Array, random: (below: number) => number): Uint8Array {
  let bytes = original.slice();
  for (let changes = 1 + random(4); changes > 0 && bytes.length > 8; changes -= 1) {
    const at = place(bytes.length, random);
    const length = Math.min(1 + random(16), bytes.length - at);
    switch (random(7)) {
      case 0:
        bytes[at] = (bytes[at] ?? 0) ^ (1 << random(8));
        break;
      case 1:
        bytes[at] = random(256);
        break;
      case 2: {
        const number = new Uint8Array(
          BigUint64Array.of(INTERESTING[random(INTERESTING.length)] ?? 0n).buffer,
        );
        bytes.set(number.subarray(0, Math.min(2 ** random(4), bytes.length - at)), at);
        break;
      }
      case 3:
        bytes = Uint8Array.from([...bytes.subarray(0, at), ...bytes.subarray(at + length)]);
        break;
      case 4:
        bytes = Uint8Array.from([...bytes.subarray(0, at + length), ...bytes.subarray(at)]);
        break;
      case 5:
        bytes.copyWithin(at, place(bytes.length, random), bytes.length);
        break;
      default:
        bytes = bytes.slice(0, at);
    }
  }
  return bytes;
}

/** Mostly where structure is: near the start or the end. */
function place(length: number, random: (below: number) => number): number {
  const near = random(Math.min(length, 2000));
  return [near, length - 1 - near, random(length)][random(3)] ?? 0;
}

/** Whole numbers below a limit, the same for a seed (mulberry32). */
function generator(seed: number): (below: number) => number {
  let state = seed;
  return (below) => {
    state = (state + 0x6d2b79f5) | 0;
    let mixed = Math.imul(state ^ (state >>> 15), state | 1);
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61);
    return ((mixed ^ (mixed >>> 14)) >>> 0) % below;
  };
}

if (import.meta.main) {
  const [mutations = 10_000, seed = 1] = process.argv.slice(2).map(Number);
  for (const file of FUZZED_FILES) {
    const started = performance.now();
    const { opened, refused } = await fuzzWeights(file, mutations, seed);
    const seconds = ((performance.now() - started) / 1000).toFixed(1);
    const peak = Math.round(process.resourceUsage().maxRSS / 1024);
    console.log(`${file}: ${opened} opened, ${refused} refused in ${seconds} s, peak ${peak} MB`);
  }
}
