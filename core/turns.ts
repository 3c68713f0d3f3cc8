// One piece of work at a time: what engines put their runs and loads through.

/** Runs the work when no other work of these turns is under way; first come, first served. */
export type Turns = <T>(work: () => Promise<T>) => Promise<T>;

/**
 * Waiters watch the work under way and try again, rather than being handed a place: in Workers the
 * continuation of a cancelled request never runs, and a place handed to it would be lost for ever.
 */
export function createTurns(): Turns {
  let underWay: Promise<void> | undefined;
  return async (work) => {
    while (underWay !== undefined) await underWay;
    const result = (async () => work())();
    const free = () => {
      underWay = undefined;
    };
    underWay = result.then(free, free);
    return result;
  };
}

/** The result of `load`, made once; a failure is forgotten, so that the next call tries again. */
export function once<T>(load: () => Promise<T>): () => Promise<T> {
  let loaded: Promise<T> | undefined;
  return () => {
    if (loaded !== undefined) return loaded;
    const attempt = (async () => load())();
    loaded = attempt;
    attempt.catch(() => {
      if (loaded === attempt) loaded = undefined;
    });
    return attempt;
  };
}
