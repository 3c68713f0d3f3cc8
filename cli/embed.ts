// vgg-edge embed: every image of a source becomes a vector, or a line that says why not.

import { resolve } from 'node:path';
import { writeDurably } from '../runner/durable-file.ts';
import { RUNNER_ENGINES } from '../runner/engine.ts';
import { groupFailures } from '../runner/failure-groups.ts';
import { createMeter } from '../runner/meter.ts';
import { type MetricsPage, serveMetrics } from '../runner/metrics-page.ts';
import { DEFAULT_READERS } from '../runner/open-work.ts';
import { OUTPUTS } from '../runner/outputs/open-output.ts';
import { reportPage } from '../runner/report.ts';
import { runDirectory } from '../runner/run-directory.ts';
import { SOURCES } from '../runner/sources/open-source.ts';
import { type Command, flag, onlyArgument, required, share, text, wholeNumber } from './command.ts';
import { createEmbedProgress, summary } from './embed-progress.ts';
import { prepareRun } from './embed-run-options.ts';
import { embedByRunners, embedHere } from './embed-session.ts';
import { DESCRIPTOR_OPTIONS } from './photo-embedder.ts';
import { SOURCE_OPTIONS } from './source-options.ts';
import { stopOnInterrupt } from './stop-on-interrupt.ts';

export const embed: Command = {
  name: 'embed',
  summary: 'Embeds every image of a source into files or a store; run again, it goes on where it stopped.',
  details: [`SOURCE is ${SOURCES}.`],
  usage: 'SOURCE --out DIR [options]',
  options: {
    out: { type: 'string', value: 'DIR', description: 'the run: its record, shards, failures and report' },
    format: { type: 'string', value: 'FORMAT', description: `${OUTPUTS} (default npy)` },
    ...SOURCE_OPTIONS,
    ...DESCRIPTOR_OPTIONS,
    dtype: { type: 'string', value: 'TYPE', description: 'float32, int8 or binary (default float32)' },
    crop: {
      type: 'string',
      value: 'BOX',
      description: 'left,top,width,height of each image, in pixels or per cent: 10%,10%,80%,80%',
    },
    'no-normalize': { type: 'boolean', description: 'leaves the length of vectors as it is, instead of 1' },
    engine: {
      type: 'string',
      value: 'ENGINE',
      description: `${RUNNER_ENGINES.join(', ')} (default auto: the fastest here, by a trial)`,
    },
    batch: { type: 'string', value: 'N', description: 'images in a batch (default: what suits the engine)' },
    'shard-size': { type: 'string', value: 'N', description: 'inputs in a shard (default 1000)' },
    threads: { type: 'string', value: 'N', description: 'threads that decode (default: one per core)' },
    readers: {
      type: 'string',
      value: 'N',
      description: `images read at a time (default ${DEFAULT_READERS}; more for sources that answer slowly)`,
    },
    'max-failure-rate': {
      type: 'string',
      value: 'SHARE',
      description: 'stops when more than this share of the inputs fails, 0…1 (default 0.5)',
    },
    'retry-failed': {
      type: 'boolean',
      description: 'does shards again that hold failures: once you have mended what was wrong',
    },
    queue: {
      type: 'string',
      value: 'URL',
      description: 'a Redis: vgg-edge runner processes, here or elsewhere, do the work',
    },
    json: { type: 'boolean', description: 'prints events as JSON lines' },
    metrics: { type: 'string', value: 'PORT', description: 'serves numbers for Prometheus on 127.0.0.1' },
  },
  examples: [
    'vgg-edge embed photos --out vectors',
    "vgg-edge embed 'photos/**/*.jpg' --out vectors --pool gem --dtype int8",
    'vgg-edge embed photos.csv --column url --id-column sku --out vectors --format parquet',
    'vgg-edge embed s3://bucket/photos --out vectors --format store:indexes#photos --readers 64',
    'vgg-edge embed photos --out vectors --engine winograd --shard-size 10000 --metrics 9464',
    'vgg-edge embed /shared/photos --out /shared/vectors --engine cuda:fp16 --queue redis://10.0.0.5:6379',
  ],
  async run(positionals, values) {
    const spec = onlyArgument(positionals, 'a source');
    const directory = runDirectory(resolve(required(values, 'out')));
    const settings = {
      maxFailureRate: share(values, 'max-failure-rate', 0.5),
      retryFailed: flag(values, 'retry-failed'),
      readers: wholeNumber(values, 'readers', { min: 1, max: 4096 }),
      threads: wholeNumber(values, 'threads', { min: 1, max: 1024 }),
      queue: text(values, 'queue'),
    };
    const port = wholeNumber(values, 'metrics', { max: 65_535 });
    const prepared = await prepareRun(spec, directory, values);
    const meter = createMeter();
    const progress = createEmbedProgress({ meter, json: flag(values, 'json') });
    const interrupt = stopOnInterrupt(() => progress.stopping());
    let page: MetricsPage | undefined;
    try {
      if (port !== undefined) {
        page = await serveMetrics(port, meter, progress.counts);
        console.error(`Metrics: http://127.0.0.1:${page.port}/metrics`);
      }
      const session = { ...settings, directory, prepared, meter, progress, signal: interrupt.signal };
      const ended = await (settings.queue === undefined ? embedHere(session) : embedByRunners(session));
      const report = {
        ...ended,
        failures: ended.totals.failed > 0 ? await groupFailures(directory.failures) : [],
        reading: meter.read(),
        samples: meter.samples(),
        peakMemory: process.resourceUsage().maxRSS * 1024,
      };
      if (report.reading.images > 0) {
        await writeDurably(directory.report, reportPage(report), directory);
        await writeDurably(directory.summary, `${JSON.stringify(summary(report), null, 2)}\n`, directory);
      }
      progress.finished(report, directory);
    } finally {
      progress.close();
      interrupt.release();
      await page?.close();
    }
  },
};
