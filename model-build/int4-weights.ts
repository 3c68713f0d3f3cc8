// 4-bit weights as a shard holds them, and back: two to a byte, the even input in the low nibble, a scale for
// each row's group of inputs. weight = scale × (nibble − 8).

import { type Int4Group, weightRow } from '../core/manifest.ts';
import type { Int4Linear } from './network.ts';

/** What a nibble of the padding holds: weight 0. */
const ZERO = 8;

/**
 * `levels` −8 … 7, [rows, inputs] → uint8 [rows, groups, group ÷ 2]; the last group is padded with zeros.
 */
export function packInt4(levels: Int8Array, rows: number, group: Int4Group): Uint8Array {
  const inputs = levels.length / rows;
  const rowBytes = bytesOfRow(inputs, group);
  const packed = new Uint8Array(rows * rowBytes).fill(ZERO * 17);
  for (let row = 0; row < rows; row += 1) {
    for (let input = 0; input < inputs; input += 1) {
      const at = row * rowBytes + (input >> 1);
      const nibble = (levels[row * inputs + input] ?? 0) + ZERO;
      const byte = packed[at] ?? 0;
      packed[at] = input % 2 === 0 ? (byte & 0xf0) | nibble : (byte & 0x0f) | (nibble << 4);
    }
  }
  return packed;
}

/** float32 [out, in] */
export function unpackInt4({ shape, group, weight, scale }: Int4Linear): Float32Array {
  const { inputs, outputs } = shape;
  const rowBytes = bytesOfRow(inputs, group);
  const groups = scale.length / outputs;
  const real = new Float32Array(outputs * inputs);
  for (let row = 0; row < outputs; row += 1) {
    for (let input = 0; input < inputs; input += 1) {
      const byte = weight[row * rowBytes + (input >> 1)] ?? 0;
      const nibble = input % 2 === 0 ? byte & 15 : byte >> 4;
      real[row * inputs + input] = (nibble - ZERO) * (scale[row * groups + Math.floor(input / group)] ?? 0);
    }
  }
  return real;
}

function bytesOfRow(inputs: number, group: Int4Group): number {
  return weightRow(inputs, { group }).reduce((product, side) => product * side, 1);
}
