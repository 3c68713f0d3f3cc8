// Numbers of a run for Prometheus, in its text format, on loopback alone: who wants them elsewhere puts a
// proxy before it.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { InputError } from '../core/errors.ts';
import { type Meter, STAGES } from './meter.ts';

export interface RunCounts {
  /** Inputs that came to an end, those of earlier processes too. */
  readonly ended: number;
  readonly failed: number;
  /** Listed so far. */
  readonly listed: number;
}

export interface MetricsPage {
  readonly port: number;
  close(): Promise<void>;
}

/** `port` 0 takes a free one. Throws InputError where the port is taken. */
export async function serveMetrics(
  port: number,
  meter: Meter,
  counts: () => RunCounts,
): Promise<MetricsPage> {
  const server = createServer((request, response) => {
    if (request.url !== '/metrics') {
      response.writeHead(404).end('Metrics are at /metrics.\n');
      return;
    }
    response.writeHead(200, { 'content-type': 'text/plain; version=0.0.4; charset=utf-8' });
    response.end(metricsText(meter, counts()));
  });
  await new Promise<void>((resolve, reject) => {
    server.once('error', (cause) =>
      reject(
        new InputError('invalid_argument', `Expected a free port for --metrics: ${cause.message}`, {
          param: 'metrics',
          cause,
        }),
      ),
    );
    server.listen(port, '127.0.0.1', resolve);
  });
  server.unref();
  return {
    port: (server.address() as AddressInfo).port,
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
}

export function metricsText(meter: Meter, { ended, failed, listed }: RunCounts): string {
  const { rate, shares, depths } = meter.read();
  const families: [name: string, type: string, help: string, lines: [labels: string, value: number][]][] = [
    ['inputs_listed', 'gauge', 'Inputs of the source listed so far.', [['', listed]]],
    ['inputs_ended_total', 'counter', 'Inputs that ended as a vector or a failure.', [['', ended]]],
    ['inputs_failed_total', 'counter', 'Inputs that failed.', [['', failed]]],
    ['images_per_second', 'gauge', 'Throughput over the last seconds.', [['', rate]]],
    [
      'stage_busy_share',
      'gauge',
      'Share of the stage’s capacity that was used since the start, 0 to 1.',
      STAGES.map((stage) => [`{stage="${stage}"}`, shares[stage]]),
    ],
    [
      'stage_depth',
      'gauge',
      'Images being read and decoded, batches in the engine and being written.',
      STAGES.map((stage) => [`{stage="${stage}"}`, depths[stage]]),
    ],
    ['resident_bytes', 'gauge', 'Resident memory of the process.', [['', process.memoryUsage.rss()]]],
  ];
  return families
    .map(([name, type, help, lines]) =>
      [
        `# HELP vgg_edge_run_${name} ${help}`,
        `# TYPE vgg_edge_run_${name} ${type}`,
        ...lines.map(([labels, value]) => `vgg_edge_run_${name}${labels} ${value}`),
        '',
      ].join('\n'),
    )
    .join('');
}
