// Seeded random numbers by integer arithmetic alone: the same on every machine.

/** sfc32 (Chris Doty-Humphrey, PractRand): uniform numbers in [0, 1) with 32 random bits. */
export function createRandom(seed: number): () => number {
  let a = 0;
  let b = seed | 0;
  let c = Math.trunc(seed / 2 ** 32) | 0;
  let counter = 1;
  const next = (): number => {
    const sum = (((a + b) | 0) + counter) | 0;
    counter = (counter + 1) | 0;
    a = b ^ (b >>> 9);
    b = (c + (c << 3)) | 0;
    c = ((c << 21) | (c >>> 11)) + sum;
    c |= 0;
    return (sum >>> 0) / 2 ** 32;
  };
  // The first numbers of similar seeds are alike.
  for (let round = 0; round < 16; round += 1) next();
  return next;
}
