// The metrics page in Prometheus' text format.

import { describe, expect, test } from 'vitest';
import { createApiMetrics } from '../../worker/api-metrics.ts';
import { createMetricRegistry } from '../../worker/metrics.ts';

test('a counter counts by its labels', () => {
  const registry = createMetricRegistry();
  const counter = registry.counter('requests_total', 'All of them.');
  counter.add();
  counter.add(2, { route: '/v1/embeddings', status: '200' });
  counter.add(1, { route: '/v1/embeddings', status: '200' });
  expect(registry.text()).toBe(
    [
      '# HELP requests_total All of them.',
      '# TYPE requests_total counter',
      'requests_total 1',
      'requests_total{route="/v1/embeddings",status="200"} 3',
      '',
    ].join('\n'),
  );
});

test('a histogram has cumulative buckets, a sum and a count', () => {
  const registry = createMetricRegistry();
  const histogram = registry.histogram('seconds', 'Time.', [0.1, 1]);
  for (const value of [0.05, 0.5, 5, 0.1]) histogram.observe(value, { stage: 'decode' });
  expect(registry.text().split('\n').slice(2)).toEqual([
    'seconds_bucket{stage="decode",le="0.1"} 2',
    'seconds_bucket{stage="decode",le="1"} 3',
    'seconds_bucket{stage="decode",le="+Inf"} 4',
    'seconds_sum{stage="decode"} 5.6499999999999995',
    'seconds_count{stage="decode"} 4',
    '',
  ]);
});

test('a gauge is read when the page is asked for', () => {
  const registry = createMetricRegistry();
  let bytes = 1;
  registry.gauge('memory_bytes', 'Held.', () => bytes);
  bytes = 42;
  expect(registry.text()).toContain('\nmemory_bytes 42\n');
});

describe('hostile values', () => {
  test('cannot break out of a label', () => {
    const registry = createMetricRegistry();
    registry.counter('n_total', 'N.').add(1, { code: 'a"b\\c\nd 1' });
    expect(registry.text()).toContain('n_total{code="a\\"b\\\\c\\nd 1"} 1\n');
  });

  test('cannot make the page grow without end', () => {
    const registry = createMetricRegistry();
    const counter = registry.counter('n_total', 'N.');
    for (let index = 0; index < 5000; index += 1) counter.add(1, { route: `/${index}` });
    expect(registry.text().split('\n').length).toBeLessThan(2510);
  });

  test('that are no numbers are not observed', () => {
    const registry = createMetricRegistry();
    registry.histogram('seconds', 'Time.', [1]).observe(Number.NaN);
    registry.counter('n_total', 'N.').add(-1);
    expect(registry.text()).not.toMatch(/NaN|-1/);
  });
});

test('every line of the API page follows the format', () => {
  const metrics = createApiMetrics({
    engineMemoryBytes: () => 38e6,
    decoderMemoryBytes: () => 5e6,
    running: () => 1,
    waiting: () => 0,
  });
  metrics.requests.add(1, { route: '/v1/embeddings', method: 'POST', status: '200' });
  metrics.stage.observe(0.02, { stage: 'backbone' });
  metrics.cache.add(1, { result: 'hit' });
  const line =
    /^(?:# (?:HELP|TYPE) [a-z_]+ .+|[a-z_]+(?:\{[a-z_]+="[^"]*"(?:,[a-z_]+="[^"]*")*\})? -?[\d.e+-]+)$/;
  for (const text of metrics.registry.text().trimEnd().split('\n')) expect(text).toMatch(line);
});
