// Once after loading: the weights of a convolution from the shard's order into the kernel's, in place, and
// the sums that decide how many channels may be added up exactly.

/**
 * int8 [outputs][inputs][9] at `weights` → [padded outputs][padded inputs / 8][9][8] at `arranged`, zeros
 * where padded (to multiples of 8). The two regions end at the same address: reading is always ahead of
 * writing (docs/winograd.md). `scratch` holds one row, padded inputs × 9 bytes.
 */
export function arrangeWeights(
  weights: usize, arranged: usize, outputs: usize, inputs: usize, scratch: usize,
): void {
  const rowBytes = inputs * 9;
  const paddedInputs = (inputs + 7) & ~7;
  const paddedOutputs = (outputs + 7) & ~7;
  for (let output: usize = 0; output < outputs; output++, weights += rowBytes) {
    memory.copy(scratch, weights, rowBytes);
    // The channels that pad the last eight have zeros.
    memory.fill(scratch + rowBytes, 0, (paddedInputs - inputs) * 9);
    for (let row = scratch; row < scratch + paddedInputs * 9; row += 72) {
      for (let tap = row; tap < row + 9; tap++, arranged += 8) {
        let taps = v128.load8_splat(tap);
        taps = v128.load8_lane(tap + 9, taps, 1);
        taps = v128.load8_lane(tap + 18, taps, 2);
        taps = v128.load8_lane(tap + 27, taps, 3);
        taps = v128.load8_lane(tap + 36, taps, 4);
        taps = v128.load8_lane(tap + 45, taps, 5);
        taps = v128.load8_lane(tap + 54, taps, 6);
        taps = v128.load8_lane(tap + 63, taps, 7);
        v128.store64_lane(arranged, taps, 0);
      }
    }
  }
  memory.fill(arranged, 0, (paddedOutputs - outputs) * paddedInputs * 9);
}

/**
 * The largest of Σ w⁺ and Σ |w⁻| over `part` input channels of one output channel; the last part of each
 * may be smaller. `weights` are arranged, `inputs` padded, `part` a multiple of 8.
 */
export function weightBound(weights: usize, outputs: usize, inputs: usize, part: usize): usize {
  const zero = i16x8.splat(0);
  const ones = i16x8.splat(1);
  let bound: i32 = 0;
  for (let output: usize = 0; output < outputs; output++) {
    for (let first: usize = 0; first < inputs; first += part) {
      let positive = zero;
      let negative = zero;
      for (const end = weights + min(part, inputs - first) * 9; weights < end; weights += 8) {
        const taps = v128.load_ext<i8>(weights);
        positive = i32x4.add(positive, i32x4.dot_i16x8_s(i16x8.max_s(taps, zero), ones));
        negative = i32x4.sub(negative, i32x4.dot_i16x8_s(i16x8.min_s(taps, zero), ones));
      }
      bound = max(bound, max(sumOf(positive), sumOf(negative)));
    }
  }
  return bound;
}

@inline
function sumOf(sums: v128): i32 {
  return (
    i32x4.extract_lane(sums, 0) + i32x4.extract_lane(sums, 1) +
    i32x4.extract_lane(sums, 2) + i32x4.extract_lane(sums, 3)
  );
}
