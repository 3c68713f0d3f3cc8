// Scores → the classes they speak for.

/** A class with its probability and logit, by falling logit. */
export interface RankedClass {
  /** Position among the scores, 0-based. */
  readonly class: number;
  /** 0…1, of the softmax over all classes. */
  readonly probability: number;
  readonly logit: number;
}

/** Softmax over all logits, shifted by the largest so that nothing overflows. */
export function softmax(logits: Float32Array): Float64Array {
  const largest = logits.reduce((maximum, logit) => Math.max(maximum, logit), -Infinity);
  const powers = new Float64Array(logits).map((logit) => Math.exp(logit - largest));
  const sum = powers.reduce((total, power) => total + power, 0);
  return powers.map((power) => power / sum);
}

/** The `count` classes of the largest logits; of equal ones the lower class first. */
export function topClasses(logits: Float32Array, count: number): RankedClass[] {
  const probabilities = softmax(logits);
  const logitOf = (index: number) => logits[index] ?? 0;
  const order = new Uint32Array(logits.length).map((_, index) => index);
  order.sort((a, b) => logitOf(b) - logitOf(a) || a - b);
  return Array.from(order.subarray(0, count), (index) => ({
    class: index,
    probability: probabilities[index] ?? 0,
    logit: logitOf(index),
  }));
}
