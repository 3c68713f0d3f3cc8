// A thread that dies or hangs is replaced: the next image is not blamed for it.

import { expect, test } from 'vitest';
import { watchDecoder } from '../../fuzz/watched-decoder.ts';

const OK = { outcome: 'ok', replaced: false };

test.each([
  ['an exception outside of the decoder', 1, /^crash: Error: moody/],
  ['an exit', 2, /^crash: the thread ended with 3/],
  ['no answer', 3, /^hang: no answer within \d+ ms/],
])('%s', async (_, byte, outcome) => {
  const decoder = await watchDecoder(new URL('./moody-thread.ts', import.meta.url));
  try {
    expect(await decoder.decode(Uint8Array.of(0))).toEqual(OK);
    for (let time = 0; time < 2; time += 1) {
      expect(await decoder.decode(Uint8Array.of(byte))).toEqual({
        outcome: expect.stringMatching(outcome),
        replaced: true,
      });
      expect(await decoder.decode(Uint8Array.of(0))).toEqual(OK);
      expect(await decoder.heldBytes()).toBe(1);
    }
  } finally {
    await decoder.end();
  }
});

test('a thread that does not start is an error, not a finding', async () => {
  await expect(watchDecoder(new URL('./no-thread.ts', import.meta.url))).rejects.toThrow(/no-thread/);
});
