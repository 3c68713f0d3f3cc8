// A fixed number of places: what bounds a stage of the pipeline. First come, first served.

export interface Slots {
  /** Resolves when a place is free, and takes it. */
  acquire(): Promise<void>;
  release(): void;
}

export function createSlots(places: number): Slots {
  const waiting: (() => void)[] = [];
  let taken = 0;
  return {
    async acquire() {
      if (taken < places) taken += 1;
      else await new Promise<void>((resolve) => waiting.push(resolve));
    },
    release() {
      // The place passes to the next in line without becoming free.
      const next = waiting.shift();
      if (next === undefined) taken -= 1;
      else next();
    },
  };
}
