// What the meter says of stages, the report of throughput, and the metrics page of both.

import { expect, test } from 'vitest';
import { bottleneck, createLaps, createMeter } from '../../runner/meter.ts';
import { metricsText, serveMetrics } from '../../runner/metrics-page.ts';
import { sparkline, throughputPicture } from '../../runner/throughput-picture.ts';

function fakeClock() {
  let time = 0;
  return {
    now: () => time,
    /** Work that takes so long, milliseconds. */
    work: (milliseconds: number) => async () => {
      time += milliseconds;
    },
    pass: (milliseconds: number) => {
      time += milliseconds;
    },
  };
}

test('shares are of a stage’s capacity, and the largest is the bottleneck', async () => {
  const clock = fakeClock();
  const meter = createMeter(clock.now);
  meter.capacity('reading', 4);
  await meter.time('reading', clock.work(200));
  await meter.time('engine', clock.work(600));
  clock.pass(200);
  meter.add('decoding', 300);
  const { shares } = meter.read();
  expect(shares).toEqual({ reading: 0.05, decoding: 0.3, engine: 0.6, writing: 0 });
  expect(bottleneck(shares)).toBe('engine');
});

test('runs that overlap in a stage with one place count once, also while they last', async () => {
  const clock = fakeClock();
  const meter = createMeter(clock.now);
  let end: () => void = () => undefined;
  const first = meter.time(
    'engine',
    () =>
      new Promise<void>((resolve) => {
        end = resolve;
      }),
  );
  clock.pass(100);
  const second = meter.time('engine', clock.work(50));
  await second;
  expect(meter.read().shares.engine).toBe(1);
  expect(meter.read().depths.engine).toBe(1);
  clock.pass(150);
  end();
  await first;
  clock.pass(300);
  expect(meter.read().shares.engine).toBe(0.5);
});

test('laps are cut where work ends, leave out where there was none, and add up in another meter', async () => {
  const clock = fakeClock();
  const meter = createMeter(clock.now);
  const laps = createLaps(meter);
  clock.pass(5000);
  laps.begin();
  await meter.time('engine', clock.work(300));
  laps.begin();
  clock.pass(100);
  const first = laps.end();
  await meter.time('engine', clock.work(600));
  const second = laps.end();
  expect(first.seconds).toBeCloseTo(0.4);
  expect(first.shares.engine).toBeCloseTo(0.75);
  expect(second.seconds).toBeCloseTo(0.6);
  expect(second.shares.engine).toBeCloseTo(1);
  const coordinator = createMeter(clock.now);
  for (const lap of [first, second]) coordinator.join(lap);
  expect(coordinator.read().shares.engine).toBeCloseTo(0.9);
});

test('the curve keeps its area and stays short however long a run is', () => {
  const clock = fakeClock();
  const meter = createMeter(clock.now);
  for (let second = 0; second < 5000; second += 1) {
    clock.pass(1000);
    meter.ended(second < 2500 ? 10 : 30, 0);
  }
  const samples = meter.samples();
  expect(samples.length).toBeLessThanOrEqual(240);
  let before = 0;
  let images = 0;
  for (const { seconds, rate } of samples) {
    images += rate * (seconds - before);
    before = seconds;
  }
  expect(Math.round(images)).toBe(100_000);
  expect(sparkline(samples, 10)).toMatch(/^▃{5}█{5}$/);
  expect(throughputPicture(samples)).toMatch(/^<figure .*<svg .*<\/svg>.*>1 h 23 min<.*<\/figure>$/s);
});

test('the metrics page, on loopback alone', async () => {
  const meter = createMeter();
  meter.ended(7, 1);
  const page = await serveMetrics(0, meter, () => ({ ended: 9, failed: 2, listed: 20 }));
  try {
    const answer = await fetch(`http://127.0.0.1:${page.port}/metrics`);
    expect(answer.headers.get('content-type')).toBe('text/plain; version=0.0.4; charset=utf-8');
    const text = await answer.text();
    expect(text).toContain('vgg_edge_run_inputs_ended_total 9\n');
    expect(text).toContain('vgg_edge_run_stage_busy_share{stage="engine"} 0\n');
    expect(text).toMatch(/# TYPE vgg_edge_run_inputs_failed_total counter/);
    expect((await fetch(`http://127.0.0.1:${page.port}/`)).status).toBe(404);
    await expect(serveMetrics(page.port, meter, () => ({ ended: 0, failed: 0, listed: 0 }))).rejects.toThrow(
      /a free port for --metrics/,
    );
  } finally {
    await page.close();
  }
  expect(metricsText(meter, { ended: 0, failed: 0, listed: 0 }).endsWith('\n')).toBe(true);
});
