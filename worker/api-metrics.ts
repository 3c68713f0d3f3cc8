// What is measured of the API: names and units as Prometheus asks for them (seconds, bytes, _total).

import { type Counter, createMetricRegistry, type Histogram, type MetricRegistry } from './metrics.ts';

/** The parts of an answer whose time is told, also by `Server-Timing`. */
export const STAGES = ['queue', 'decode', 'preprocess', 'backbone', 'head'] as const;
export type Stage = (typeof STAGES)[number];

export interface ApiMetrics {
  readonly registry: MetricRegistry;
  /** Labels route, method, status. */
  readonly requests: Counter;
  /** Labels route, code: also for single items of a list. */
  readonly failures: Counter;
  /** Label route; seconds from the first byte read to the answer. */
  readonly duration: Histogram;
  /** Label stage; seconds. */
  readonly stage: Histogram;
  /** Images in one run of the engine. */
  readonly batchSize: Histogram;
  readonly requestBytes: Counter;
  readonly imageBytes: Counter;
  /** Label result: hit, miss. */
  readonly cache: Counter;
}

export interface Gauges {
  readonly engineMemoryBytes: () => number;
  /** Where the decoders' memory is the instance's own: on the edge. */
  readonly decoderMemoryBytes?: () => number;
  readonly decoderPeakBytes?: () => number;
  readonly running: () => number;
  readonly waiting: () => number;
}

const SECONDS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];

export function createApiMetrics(gauges: Gauges): ApiMetrics {
  const { engineMemoryBytes, decoderMemoryBytes, decoderPeakBytes, running, waiting } = gauges;
  const registry = createMetricRegistry();
  registry.gauge(
    'vgg_edge_engine_memory_bytes',
    'Memory held for the model; WASM memory never shrinks, so it is the peak as well.',
    engineMemoryBytes,
  );
  if (decoderMemoryBytes !== undefined) {
    registry.gauge(
      'vgg_edge_decoder_memory_bytes',
      'Memory kept for decoding the next image: the most that one took, of each format.',
      decoderMemoryBytes,
    );
  }
  if (decoderPeakBytes !== undefined) {
    registry.gauge(
      'vgg_edge_decoder_memory_peak_bytes',
      'The most memory that decoding has taken, the decoded picture with it.',
      decoderPeakBytes,
    );
  }
  registry.gauge('vgg_edge_requests_running', 'Requests whose images are being worked on.', running);
  registry.gauge('vgg_edge_requests_waiting', 'Requests waiting for a place.', waiting);
  return {
    registry,
    requests: registry.counter('http_requests_total', 'Requests by route, method and status.'),
    failures: registry.counter(
      'vgg_edge_failures_total',
      'Failed requests and list items by route and error code.',
    ),
    duration: registry.histogram('http_request_duration_seconds', 'Time to answer, by route.', SECONDS),
    stage: registry.histogram('vgg_edge_stage_duration_seconds', 'Time in each stage of an answer.', SECONDS),
    batchSize: registry.histogram(
      'vgg_edge_batch_size',
      'Images per run of the engine.',
      [1, 2, 4, 8, 16, 32, 64],
    ),
    requestBytes: registry.counter('http_request_body_bytes_total', 'Bytes of request bodies.'),
    imageBytes: registry.counter('vgg_edge_image_bytes_total', 'Bytes of encoded images taken in.'),
    cache: registry.counter('vgg_edge_cache_requests_total', 'Looks into the answer cache by result.'),
  };
}
