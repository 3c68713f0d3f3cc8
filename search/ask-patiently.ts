// Requests to a server that limits how often it is asked: answered 429 or 503, they wait as long as it says.

/** After the first. A limit of so many requests a minute is over after one wait, unless others ask as well. */
const TRIES = 5;
/** Seconds: a server may ask for any patience, ours has an end. */
const MAX_WAIT = 60;

export type Wait = (milliseconds: number) => Promise<void>;

const pause: Wait = (milliseconds) => new Promise((resolve) => setTimeout(resolve, milliseconds));

/** The last answer, where the server stays busy. */
export async function askPatiently(ask: () => Promise<Response>, wait: Wait = pause): Promise<Response> {
  for (let left = TRIES; ; left -= 1) {
    const response = await ask();
    const seconds = Number(response.headers.get('retry-after') ?? Number.NaN);
    const busy = response.status === 429 || response.status === 503;
    if (!busy || Number.isNaN(seconds) || left === 0) return response;
    await response.body?.cancel();
    await wait(Math.min(seconds, MAX_WAIT) * 1000);
  }
}
