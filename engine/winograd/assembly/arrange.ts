// Once after loading: the weights of a convolution from the shard's order into the kernel's, in place, and
// the sums that decide how many channels may be added up exactly.

/**
 * int8 [outputs][inputs][9] at `weights` → [padded outputs][padded inputs / 8][9][8] at `arranged`, zeros
 * where padded (to multiples of 8). The two regions end at the same address: reading is always ahead of
 * writing (docs/winograd.md). `scratch` holds one row, inputs × 9 bytes.
 */
export function arrangeWeights(
  weights: usize, arranged: usize, outputs: usize, inputs: usize, scratch: usize,
): void {
  const rowBytes = inputs * 9;
  const paddedInputs = (inputs + 7) & ~7;
  const paddedOutputs = (outputs + 7) & ~7;
  for (let output: usize = 0; output < outputs; output++, weights += rowBytes) {
    memory.copy(scratch, weights, rowBytes);
    for (let group: usize = 0; group < paddedInputs; group += 8) {
      for (let tap: usize = 0; tap < 9; tap++) {
        for (let input = group; input < group + 8; input++, arranged++) {
          store<i8>(arranged, input < inputs ? load<i8>(scratch + input * 9 + tap) : 0);
        }
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
  let bound: usize = 0;
  for (let output: usize = 0; output < outputs; output++) {
    for (let first: usize = 0; first < inputs; first += part) {
      const end = weights + min(part, inputs - first) * 9;
      let positive: usize = 0;
      let negative: usize = 0;
      for (; weights < end; weights++) {
        const weight = <i32>load<i8>(weights);
        if (weight > 0) positive += weight;
        else negative -= weight;
      }
      bound = max(bound, max(positive, negative));
    }
  }
  return bound;
}
