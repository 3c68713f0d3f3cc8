// What requests leave behind: nothing. Good ones, broken ones, refused ones and paths that nobody serves, each
// with names of its own, and the heap measured after collections.

import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { expect, test } from 'vitest';
import { createMemoryStore } from '../../search/memory-store.ts';
import { createAdmission } from '../../worker/admission.ts';
import { memoryAnswerCache } from '../../worker/answer-cache.ts';
import { RED_PNG } from '../api/images.ts';
import { createFixture } from './api-fixture.ts';

/** Of each kind, in one round. */
const REQUESTS = 150;
/** A kilobyte kept of each request would be ten times as much. */
const MAX_GROWTH = 300_000;

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

function heap(): number {
  for (let round = 0; round < 3; round += 1) collectGarbage();
  return process.memoryUsage().heapUsed;
}

test('five kinds of requests, 2,250 in all, leave the heap as it was', async () => {
  const { app } = await createFixture({
    dependencies: {
      admission: createAdmission({ maxRunning: 1, maxWaiting: 1 }),
      answers: memoryAnswerCache(100_000),
      indexes: createMemoryStore(),
      report: () => undefined,
    },
  });
  const post = (path: string, body: Uint8Array<ArrayBuffer>) =>
    app.request(path, { method: 'POST', headers: { 'content-type': 'image/png' }, body });
  let sent = 0;
  const round = async () => {
    for (let request = 0; request < REQUESTS; request += 1) {
      sent += 1;
      const image = Uint8Array.of(...RED_PNG, sent & 255, sent >> 8);
      const answers = await Promise.all([
        post('/v1/embeddings', image),
        post('/v1/classify', image.subarray(0, 40)),
        // One runs, one waits: the third is refused.
        post('/v1/embeddings', image),
        app.request(`/nowhere/${sent}`),
        app.request(`/v1/indexes/index-${sent}`, { headers: { 'x-request-id': `request-${sent}` } }),
      ]);
      expect(answers.map(({ status }) => status)).toEqual([200, 422, 503, 404, 404]);
      for (const answer of answers) await answer.arrayBuffer();
    }
  };
  // The first rounds fill caches and counters.
  await round();
  await round();
  const before = heap();
  await round();
  expect(heap() - before).toBeLessThan(MAX_GROWTH);
});
