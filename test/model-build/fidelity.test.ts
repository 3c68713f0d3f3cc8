// The certificate's figures that no golden shows: what they are of vectors of any length.

import { expect, test } from 'vitest';
import { neighbourOverlap } from '../../model-build/fidelity.ts';

/** Points on a circle at these degrees, each at a length of its own. */
function circle(...degrees: readonly number[]): Float32Array {
  return Float32Array.from(
    degrees.flatMap((degree, place) => {
      const angle = (degree * Math.PI) / 180;
      return [(place + 1) * Math.cos(angle), (place + 1) * Math.sin(angle)];
    }),
  );
}

/** Two bunches of 11 points: of each point the ten nearest are the others of its bunch. */
const bunches = Array.from({ length: 22 }, (_, place) => (place < 11 ? place : 90 + place));

test.each<[name: string, a: number[], b: number[], share: number]>([
  ['the same', bunches, bunches, 1],
  ['turned', bunches, bunches.map((degree) => degree + 30), 1],
  // The two that change places lose their ten; of the other twenty each has one wrong.
  ['one of each bunch in the other', bunches, bunches.with(0, 101).with(11, 0), (20 * 9) / 220],
  ['fewer than eleven: all others', [0, 50, 100], [100, 0, 50], 1],
  ['one alone', [0], [0], 1],
])('neighbours in common by cosine: %s', (_, a, b, share) => {
  expect(neighbourOverlap(circle(...a), circle(...b), a.length)).toBeCloseTo(share, 6);
});
