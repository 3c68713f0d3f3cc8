// A streamed histogram of an activation: its range doubles as larger values come, so one pass is enough.

/** Bins on each side of zero. */
const BINS = 2048;

/** Magnitudes of the values > 0 and of those < 0, in bins of equal width; zeros are only counted. */
export class Histogram {
  readonly positive = new Float64Array(BINS);
  readonly negative = new Float64Array(BINS);
  min = 0;
  max = 0;
  /** Values seen, zeros among them. */
  total = 0;
  /** A power of two, so that joining bins is exact. */
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
    this.#reach(min, max);
    const { positive, negative } = this;
    const perUnit = 1 / this.#width;
    for (const value of values) {
      if (value === 0) continue;
      const bins = value > 0 ? positive : negative;
      const bin = Math.floor(Math.abs(value) * perUnit);
      bins[bin] = (bins[bin] ?? 0) + 1;
    }
    this.total += values.length;
  }

  /** Adds what another histogram has counted. */
  merge(other: Histogram): void {
    this.#reach(Math.min(this.min, other.min), Math.max(this.max, other.max));
    while (this.#width < other.#width) this.#widen();
    const ratio = other.#width / this.#width;
    for (const [from, to] of [
      [other.positive, this.positive] as const,
      [other.negative, this.negative] as const,
    ]) {
      from.forEach((count, bin) => {
        const target = Math.floor(bin * ratio);
        to[target] = (to[target] ?? 0) + count;
      });
    }
    this.total += other.total;
  }

  #reach(min: number, max: number): void {
    this.min = min;
    this.max = max;
    while (Math.max(max, -min) >= this.#width * BINS) this.#widen();
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
