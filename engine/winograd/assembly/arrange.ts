// Once after loading: the weights of a convolution from the shard's order into the kernel's, in place,
// and the bound that decides which algorithm is exact for them.

/**
 * int8 [outputs][inputs][9] at `weights` → [padded outputs][padded inputs / 8][9][8] at `arranged`, zeros
 * where padded (to multiples of 8). The two regions end at the same address: reading is always ahead of
 * writing (docs/winograd.md). `scratch` holds one row, inputs × 9 bytes.
 *
 * Returns the largest of Σ w⁺ and Σ |w⁻| of any output channel: 255 times it bounds every sum.
 */
export function arrangeWeights(
  weights: usize, arranged: usize, outputs: usize, inputs: usize, scratch: usize,
): usize {
  const rowBytes: usize = inputs * 9;
  const groups = (inputs + 7) / 8;
  const paddedOutputs = (outputs + 7) & ~7;
  let bound: usize = 0;
  for (let output: usize = 0; output < outputs; output++, weights += rowBytes) {
    memory.copy(scratch, weights, rowBytes);
    bound = max(bound, rowBound(scratch, rowBytes));
    for (let group: usize = 0; group < groups; group++) {
      for (let tap: usize = 0; tap < 9; tap++) {
        for (let lane: usize = 0; lane < 8; lane++, arranged++) {
          const input = group * 8 + lane;
          store<i8>(arranged, input < inputs ? load<i8>(scratch + input * 9 + tap) : 0);
        }
      }
    }
  }
  memory.fill(arranged, 0, (paddedOutputs - outputs) * groups * 72);
  return bound;
}

function rowBound(row: usize, bytes: usize): usize {
  let positive = 0;
  let negative = 0;
  for (const end = row + bytes; row < end; row++) {
    const weight = <i32>load<i8>(row);
    if (weight > 0) positive += weight;
    else negative -= weight;
  }
  return max(positive, negative);
}
