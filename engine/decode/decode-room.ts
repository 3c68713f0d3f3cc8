// Memory that images share while they are decoded and preprocessed: who finds too little left waits.

/** Resolves when so many bytes are free and taken; what it gives lets them go, once. */
export type EnterRoom = (bytes: number) => Promise<() => void>;

/** First come, first served. One image alone may always enter. */
export function createDecodeRoom(maxBytes: number): EnterRoom {
  const waiting: { readonly bytes: number; readonly enter: () => void }[] = [];
  let taken = 0;
  const fits = (bytes: number) => taken === 0 || taken + bytes <= maxBytes;
  const take = (bytes: number) => {
    taken += bytes;
  };
  const admit = () => {
    for (let [next] = waiting; next !== undefined && fits(next.bytes); [next] = waiting) {
      waiting.shift();
      take(next.bytes);
      next.enter();
    }
  };
  return async (bytes) => {
    if (waiting.length > 0 || !fits(bytes)) {
      await new Promise<void>((enter) => waiting.push({ bytes, enter }));
    } else take(bytes);
    let inside = true;
    return () => {
      if (!inside) return;
      inside = false;
      taken -= bytes;
      admit();
    };
  };
}
