// Rate limits and admission: who waits, who is told to come back, and when.

import { describe, expect, test } from 'vitest';
import { createAdmission } from '../../worker/admission.ts';
import { memoryRateLimiter, platformRateLimiter } from '../../worker/rate-limit.ts';

describe('in memory', () => {
  function limiter() {
    const clock = { now: 1_000_000 };
    const limiter = memoryRateLimiter({ limit: 6, period: 60 }, () => clock.now);
    const take = async (key: string, times: number) => {
      const decisions = [];
      for (let index = 0; index < times; index += 1) decisions.push(await limiter.take(key));
      return { allowed: decisions.filter(({ allowed }) => allowed).length, last: decisions.at(-1) };
    };
    return { clock, take };
  }

  test('a burst up to the limit passes, the next is told to wait for one token', async () => {
    const { take } = limiter();
    expect(await take('a', 7)).toEqual({ allowed: 6, last: { allowed: false, retryAfter: 10 } });
  });

  test('waiting as long as told is enough', async () => {
    const { clock, take } = limiter();
    await take('a', 7);
    clock.now += 10_000;
    expect((await take('a', 2)).allowed).toBe(1);
  });

  test('tokens do not pile up beyond the limit', async () => {
    const { clock, take } = limiter();
    await take('a', 6);
    clock.now += 3_600_000;
    expect((await take('a', 20)).allowed).toBe(6);
  });

  test('a clock that goes back gives nothing', async () => {
    const { clock, take } = limiter();
    await take('a', 6);
    clock.now -= 60_000;
    expect((await take('a', 1)).allowed).toBe(0);
  });

  test('keys do not share', async () => {
    const { take } = limiter();
    await take('a', 7);
    expect((await take('b', 6)).allowed).toBe(6);
  });
});

test('the platform decides by key; its whole period is the time to wait', async () => {
  const asked: string[] = [];
  const binding = {
    limit: async ({ key }: { key: string }) => ({ success: asked.push(key) < 2 }),
  };
  const limiter = platformRateLimiter(binding, { period: 60 });
  expect(await limiter.take('phone')).toEqual({ allowed: true, retryAfter: 0 });
  expect(await limiter.take('phone')).toEqual({ allowed: false, retryAfter: 60 });
  expect(asked).toEqual(['phone', 'phone']);
});

describe('admission', () => {
  function work() {
    const gates: (() => void)[] = [];
    const job = () => new Promise<string>((resolve) => gates.push(() => resolve('done')));
    /** Ends the work that has run longest, as soon as there is any. */
    const open = async () => {
      await expect.poll(() => gates.length, { interval: 5 }).toBeGreaterThan(0);
      gates.shift()?.();
    };
    return { gates, job, open };
  }

  test('runs so many, lets so many wait, refuses the rest with a time to come back', async () => {
    const admission = createAdmission({ maxRunning: 2, maxWaiting: 3 });
    const { job, gates, open } = work();
    const jobs = Array.from({ length: 5 }, () => admission.run(job));
    await Promise.resolve();
    expect([admission.running, admission.waiting, gates.length]).toEqual([2, 3, 2]);
    await expect(admission.run(job)).rejects.toMatchObject({ code: 'overloaded', retryAfter: 1 });
    for (const promise of jobs) {
      await open();
      expect(await promise).toBe('done');
    }
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  test('work that fails gives its place back', async () => {
    const admission = createAdmission({ maxRunning: 1, maxWaiting: 0 });
    const broken = () => Promise.reject(new Error('broken'));
    await expect(admission.run(broken)).rejects.toThrow('broken');
    await expect(admission.run(broken)).rejects.toThrow('broken');
  });

  test('who has waited too long is told so, though no place becomes free', async () => {
    const admission = createAdmission({ maxRunning: 1, maxWaiting: 1, maxWait: 20 });
    const { job, open } = work();
    const first = admission.run(job);
    await expect(admission.run(job)).rejects.toMatchObject({ code: 'overloaded', retryAfter: 1 });
    expect([admission.running, admission.waiting]).toEqual([1, 0]);
    await open();
    expect(await first).toBe('done');
    expect(admission.running).toBe(0);
  });

  test('no place is handed to who has waited too long: it may have ended, and would keep it for ever', async () => {
    let time = 0;
    const admission = createAdmission({ maxRunning: 1, maxWaiting: 2, maxWait: 50 }, () => time);
    const { job, open } = work();
    const first = admission.run(job);
    const late = expect(admission.run(job)).rejects.toMatchObject({ code: 'overloaded' });
    time = 40;
    const inTime = admission.run(job);
    time = 60;
    await open();
    expect(await first).toBe('done');
    await open();
    expect(await inTime).toBe('done');
    await late;
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  test('whoever leaves while waiting gives up the place in the queue', async () => {
    const admission = createAdmission({ maxRunning: 1, maxWaiting: 1 });
    const { job, open } = work();
    const client = new AbortController();
    const first = admission.run(job);
    const left = admission.run(job, client.signal);
    await expect(admission.run(job)).rejects.toMatchObject({ code: 'overloaded' });
    client.abort();
    await expect(left).rejects.toMatchObject({ code: 'bad_request' });
    await expect(admission.run(job, client.signal)).rejects.toMatchObject({ code: 'bad_request' });
    const last = admission.run(job);
    expect([admission.running, admission.waiting]).toEqual([1, 1]);
    await open();
    await first;
    await open();
    await last;
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  test('a place whose request was ended by the platform is given to others in the end', async () => {
    let time = 0;
    const admission = createAdmission({ maxRunning: 1, maxWaiting: 1 }, () => time);
    const { job, open } = work();
    const lost = admission.run(job);
    time = 399_000;
    const waiting = admission.run(async () => 'had its turn');
    expect(await waiting).toBe('had its turn');
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
    // Not lost after all: it takes nothing from anybody.
    await open();
    await lost;
    expect([admission.running, admission.waiting]).toEqual([0, 0]);
  });

  test('closing waits for what runs and waits, and takes nothing new', async () => {
    const admission = createAdmission({ maxRunning: 1, maxWaiting: 1 });
    const { job, open } = work();
    const jobs = [admission.run(job), admission.run(job)];
    await Promise.resolve();
    let closed = false;
    const closing = admission.close().then(() => {
      closed = true;
    });
    await expect(admission.run(job)).rejects.toThrow('stopping');
    await open();
    await jobs[0];
    expect(closed).toBe(false);
    await open();
    await jobs[1];
    await closing;
  });
});
