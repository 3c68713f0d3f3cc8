// The best rows of a matrix by their scores: what exact search and the measurements select with.

/** Rows with their scores, best first; equal scores in order of row. */
export interface RankedRows {
  readonly rows: Int32Array;
  readonly scores: Float32Array;
}

/** Keeps the best `count` of the scores it is offered, in memory proportional to `count`. */
export interface TopRows {
  /** The score a row must exceed to be kept; −∞ until `count` are. */
  readonly threshold: number;
  offer(row: number, score: number): void;
  /** What was kept. */
  ranked(): RankedRows;
}

/** A binary heap with the worst kept row on top. */
export function createTopRows(count: number): TopRows {
  const rows = new Int32Array(count);
  const scores = new Float32Array(count);
  let size = 0;
  const rowAt = (index: number) => rows[index] ?? 0;
  const scoreAt = (index: number) => scores[index] ?? -Infinity;
  const worse = (a: number, b: number) =>
    scoreAt(a) < scoreAt(b) || (scoreAt(a) === scoreAt(b) && rowAt(a) > rowAt(b));
  const swap = (a: number, b: number) => {
    const [row, score] = [rowAt(a), scoreAt(a)];
    rows[a] = rowAt(b);
    scores[a] = scoreAt(b);
    rows[b] = row;
    scores[b] = score;
  };
  const rise = (start: number) => {
    let index = start;
    while (index > 0) {
      const parent = (index - 1) >> 1;
      if (!worse(index, parent)) return;
      swap(index, parent);
      index = parent;
    }
  };
  const sink = () => {
    let index = 0;
    for (;;) {
      let child = 2 * index + 1;
      if (child >= size) return;
      if (child + 1 < size && worse(child + 1, child)) child += 1;
      if (!worse(child, index)) return;
      swap(index, child);
      index = child;
    }
  };
  const top: { threshold: number } & Omit<TopRows, 'threshold'> = {
    threshold: count === 0 ? Infinity : -Infinity,
    offer(row, score) {
      if (size < count) {
        rows[size] = row;
        scores[size] = score;
        size += 1;
        rise(size - 1);
      } else if (score > top.threshold) {
        rows[0] = row;
        scores[0] = score;
        sink();
      } else {
        return;
      }
      if (size === count) top.threshold = scoreAt(0);
    },
    ranked() {
      const order = Array.from({ length: size }, (_, index) => index).sort(
        (a, b) => scoreAt(b) - scoreAt(a) || rowAt(a) - rowAt(b),
      );
      return { rows: Int32Array.from(order, rowAt), scores: Float32Array.from(order, scoreAt) };
    },
  };
  return top;
}
