// A body's stream by pieces, whichever kind of stream the runtime gives.

import { describe, expect, test } from 'vitest';
import { openPieces } from '../../worker/body-pieces.ts';
import { readBody } from '../../worker/read-body.ts';

const CONTENT = Uint8Array.from({ length: 200_000 }, (_, index) => index % 251);
/** Of uneven lengths, the first of them empty. */
const pieces = [0, 1, 4096, 70_000, 200_000].map((end, at, ends) => CONTENT.slice(ends[at - 1] ?? 0, end));

const streams: [string, () => ReadableStream<Uint8Array>][] = [
  ['of arrays', () => ReadableStream.from(pieces)],
  ['of bytes', () => new Blob([CONTENT]).stream()],
];

describe.each(streams)('a stream %s', (_, open) => {
  test('is read whole, however long the buffer', async () => {
    for (const room of [1, 1000, 300_000]) {
      const read = openPieces(open());
      const found = new Uint8Array(CONTENT.length);
      let length = 0;
      for (;;) {
        const { done, buffer, bytes } = await read.read(new ArrayBuffer(room + 3), 3);
        if (done) break;
        expect(bytes).toBeLessThanOrEqual(room);
        found.set(new Uint8Array(buffer, 3, bytes), length);
        length += bytes;
        if (room === 1 && length === 5000) break;
      }
      expect(length).toBe(room === 1 ? 5000 : CONTENT.length);
      expect(Buffer.compare(found.subarray(0, length), CONTENT.subarray(0, length))).toBe(0);
    }
  });

  test('ends when it is cancelled', async () => {
    const read = openPieces(open());
    read.cancel();
    expect(await read.read(new ArrayBuffer(8), 0)).toMatchObject({ done: true, bytes: 0 });
  });

  test.each([
    [CONTENT.length, undefined],
    [CONTENT.length - 1, 'body_too_large'],
    [0, 'body_too_large'],
  ])('as a body of at most %d bytes', async (maxBytes, code) => {
    const request = new Request('http://localhost/', { method: 'POST', body: open(), duplex: 'half' });
    const facts = {};
    const body = readBody(request, { maxBytes, timeout: 10_000 }, facts);
    if (code === undefined) {
      expect(Buffer.compare(await body, CONTENT)).toBe(0);
      expect(facts).toEqual({ requestBytes: CONTENT.length });
    } else await expect(body).rejects.toMatchObject({ code });
  });
});
