// Requests to a server that limits how often it is asked: answered 429 or 503, they wait as long as it says.

/** What is read of a `Response`. */
interface Answer {
  readonly status: number;
  readonly headers: { get(name: string): string | null };
  readonly body: { cancel(): Promise<void> } | null;
}

export type Wait = (milliseconds: number) => Promise<void>;

/** Seconds: a server may ask for any patience, ours has an end. */
const MAX_WAIT = 60;

/** Asks at most `retries` times more. The last answer, where the server stays busy or says no time. */
export async function askPatiently<Given extends Answer>(
  ask: () => Promise<Given>,
  { retries, wait }: { readonly retries: number; readonly wait: Wait },
): Promise<Given> {
  for (let left = retries; ; left -= 1) {
    const answer = await ask();
    const seconds = Number(answer.headers.get('retry-after') ?? Number.NaN);
    const busy = answer.status === 429 || answer.status === 503;
    if (!busy || Number.isNaN(seconds) || left <= 0) return answer;
    await answer.body?.cancel();
    await wait(Math.min(seconds, MAX_WAIT) * 1000);
  }
}
