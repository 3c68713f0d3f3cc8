// How large each input of a layer usually is: errors of weights count by it.

import type { Matrix } from './matrix-product.ts';

/** Share of the mean energy of all inputs in that of each: an input that no sample used may be used tomorrow. */
const FLOOR = 0.1;

/** Root mean square of each input over the samples, [inputs], > 0; `samples` is [samples, inputs]. */
export function inputSizes({ rows, columns, values }: Matrix): Float32Array {
  const energy = new Float64Array(columns);
  values.forEach((value, at) => {
    energy[at % columns] = (energy[at % columns] ?? 0) + (value * value) / rows;
  });
  // Where all inputs are 0, all count alike.
  const mean = energy.reduce((sum, value) => sum + value, 0) / columns || 1;
  return Float32Array.from(energy, (value) => Math.sqrt((1 - FLOOR) * value + FLOOR * mean));
}

/** Each sample to unit energy, so that each has the same say. */
export function normalised({ rows, columns, values }: Matrix): Matrix {
  const unit = new Float32Array(values.length);
  for (let row = 0; row < rows; row += 1) {
    const sample = values.subarray(row * columns, (row + 1) * columns);
    const energy = sample.reduce((sum, value) => sum + value * value, 0);
    if (energy > 0)
      unit.set(
        sample.map((value) => value / Math.sqrt(energy)),
        row * columns,
      );
  }
  return { rows, columns, values: unit };
}
