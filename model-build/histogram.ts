// A streamed histogram of an activation: its range doubles as larger values come, so one pass is enough.

/** Bins on each side of zero. */
const BINS = 4096;

/** Magnitudes of the values ≥ 0 and of those < 0, in bins of equal width. */
export class Histogram {
  readonly positive = new Float64Array(BINS);
  readonly negative = new Float64Array(BINS);
  min = 0;
  max = 0;
  /** Values seen. */
  total = 0;
  /** A power of two, so that merging bins is exact. */
  #width = 2 ** -24;

  get binWidth(): number {
    return this.#width;
  }

  add(values: Float32Array): void {
    let { min, max } = this;
    for (const value of values) {
      if (value < min) min = value;
      if (value > max) max = value;
    }
    this.min = min;
    this.max = max;
    const largest = Math.max(max, -min);
    while (largest >= this.#width * BINS) this.#widen();
    const perUnit = 1 / this.#width;
    for (const value of values) {
      const bins = value < 0 ? this.negative : this.positive;
      const bin = Math.floor(Math.abs(value) * perUnit);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    this.total += values.length;
  }

  #widen(): void {
    for (const bins of [this.positive, this.negative]) {
      for (let bin = 0; bin < BINS; bin += 1) {
        bins[bin] = bin < BINS / 2 ? (bins[2 * bin] ?? 0) + (bins[2 * bin + 1] ?? 0) : 0;
      }
    }
    this.#width *= 2;
  }
}
