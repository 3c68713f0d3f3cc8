// How near the int8 model's outputs are to the float ones, photograph by photograph.

/** Of the cosines over the photographs; −1…1. */
export interface CosineFigures {
  readonly mean: number;
  /** One in a hundred lies below. */
  readonly lowest1Percent: number;
  readonly min: number;
}

/** Cosines of the rows of two matrices [rows, width]. Two rows of zeros agree: 1. */
export function rowCosines(a: Float32Array, b: Float32Array, width: number): Float64Array {
  const cosines = new Float64Array(a.length / width);
  for (let row = 0; row < cosines.length; row += 1) {
    let [dot, ofA, ofB] = [0, 0, 0];
    for (let index = row * width; index < (row + 1) * width; index += 1) {
      const left = a[index] ?? 0;
      const right = b[index] ?? 0;
      dot += left * right;
      ofA += left * left;
      ofB += right * right;
    }
    cosines[row] = ofA === 0 && ofB === 0 ? 1 : dot / Math.sqrt(ofA * ofB || 1);
  }
  return cosines;
}

export function cosineFigures(cosines: Float64Array): CosineFigures {
  const sorted = cosines.toSorted();
  return {
    mean: cosines.reduce((sum, cosine) => sum + cosine, 0) / cosines.length,
    lowest1Percent: sorted[Math.floor(sorted.length / 100)] ?? Number.NaN,
    min: sorted[0] ?? Number.NaN,
  };
}

/** Share of the rows of two score matrices [rows, width] whose largest value stands in the same place. */
export function topAgreement(a: Float32Array, b: Float32Array, width: number): number {
  const rows = a.length / width;
  let same = 0;
  for (let row = 0; row < rows; row += 1) {
    const [start, end] = [row * width, (row + 1) * width];
    if (largestAt(a.subarray(start, end)) === largestAt(b.subarray(start, end))) same += 1;
  }
  return same / rows;
}

function largestAt(values: Float32Array): number {
  return values.reduce((best, value, index) => (value > (values[best] ?? -Infinity) ? index : best), 0);
}
