import { availableParallelism } from 'node:os';
import { afterEach, describe, expect, it, vi } from 'vitest';
import { widenThreadPool } from '../../engine/node/thread-pool.ts';

describe('widenThreadPool', () => {
  afterEach(() => vi.unstubAllEnvs());

  it.each([
    ['has a thread for each core and some for reading', undefined, String(availableParallelism() + 4)],
    ['leaves what the user has set', '2', '2'],
  ])('%s', (_, before, after) => {
    vi.stubEnv('UV_THREADPOOL_SIZE', before);
    widenThreadPool();
    expect(process.env.UV_THREADPOOL_SIZE).toBe(after);
  });
});
