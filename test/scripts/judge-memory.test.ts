// Whether what an isolate keeps under load is judged as it should be.

import { describe, expect, test } from 'vitest';
import { judgeKept, MAX_KEPT_GROWTH } from '../../scripts/judge-memory.ts';

const START = 38_000_000;

describe('what is kept', () => {
  test.each([
    ['nothing more', [START, START, START]],
    ['compiled code', [START, START + 300_000, START + 320_000]],
    ['less', [START, START - 200_000, START - 200_000]],
    ['as much more as may be', [START, START + MAX_KEPT_GROWTH, START + MAX_KEPT_GROWTH]],
    ['nothing: no isolate', []],
  ])('%s is right', (_, kept) => {
    expect(judgeKept(kept)).toEqual([]);
  });

  test.each([
    ['from the start', [START, START + 600_000, START + 600_000], 'kept 600000 bytes more after part 1'],
    ['later', [START, START, START + 600_000], 'kept 600000 bytes more after part 2'],
    ['all the time', [START, START + 5e6, START + 10e6], 'kept 5000000 bytes more after part 1'],
  ])('what grows %s is told', (_, kept, failure) => {
    expect(judgeKept(kept)[0]).toContain(failure);
  });
});
