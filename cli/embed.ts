// vgg-edge embed: every image of a source becomes a vector, or a line that says why not.

import { writeDurably } from '../runner/durable-file.ts';
import { embedRun } from '../runner/embed-run.ts';
import { RUNNER_ENGINES } from '../runner/engine.ts';
import { createMeter } from '../runner/meter.ts';
import { serveMetrics } from '../runner/metrics-page.ts';
import { DEFAULT_READERS, openWork } from '../runner/open-work.ts';
import { OUTPUTS } from '../runner/outputs/open-output.ts';
import { reportPage } from '../runner/report.ts';
import { runDirectory } from '../runner/run-directory.ts';
import { openRun } from '../runner/run-record.ts';
import { type Command, flag, required, text, UsageError, type Values, wholeNumber } from './command.ts';
import { createEmbedProgress, summary } from './embed-progress.ts';
import { prepareRun } from './embed-run-options.ts';
import { DESCRIPTOR_OPTIONS } from './photo-embedder.ts';
import { stopOnInterrupt } from './stop-on-interrupt.ts';

export const embed: Command = {
  name: 'embed',
  summary: 'Embeds every image of a source into files or a store; run again, it goes on where it stopped.',
  usage: 'SOURCE --out DIR [options]',
  options: {
    out: { type: 'string', value: 'DIR', description: 'the run: its record, shards, failures and report' },
    format: { type: 'string', value: 'FORMAT', description: `${OUTPUTS} (default npy)` },
    column: { type: 'string', value: 'NAME', description: 'of a list: the column with the paths or URLs' },
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
    json: { type: 'boolean', description: 'prints events as JSON lines' },
    metrics: { type: 'string', value: 'PORT', description: 'serves numbers for Prometheus on 127.0.0.1' },
  },
  examples: [
    'vgg-edge embed photos --out vectors',
    "vgg-edge embed 'photos/**/*.jpg' --out vectors --pool gem --dtype int8",
    'vgg-edge embed photos --out vectors --engine winograd --shard-size 10000 --metrics 9464',
  ],
  async run([spec, ...rest], values) {
    if (spec === undefined || rest.length > 0) throw new UsageError('Expected one source.');
    const directory = runDirectory(required(values, 'out'));
    const rate = maxFailureRate(values);
    const readers = wholeNumber(values, 'readers', { min: 1, max: 4096 });
    const threads = wholeNumber(values, 'threads', { min: 1, max: 1024 });
    const port = wholeNumber(values, 'metrics', { max: 65_535 });
    const { record, manifest, describer, openEngine } = await prepareRun(spec, directory, values);
    const choice = await openEngine();
    const meter = createMeter();
    const progress = createEmbedProgress({ meter, json: flag(values, 'json') });
    const interrupt = stopOnInterrupt(() => progress.stopping());
    const closing: (() => Promise<void>)[] = [() => choice.engine.dispose()];
    try {
      const complete = record(choice);
      progress.started(await openRun(directory, complete), choice);
      const work = await openWork({
        record: complete,
        manifest,
        engine: choice.engine,
        describer,
        meter,
        threads,
        readers,
      });
      closing.push(() => work.close());
      if (port !== undefined) {
        const page = await serveMetrics(port, meter, progress.counts);
        closing.push(() => page.close());
        console.error(`Metrics: http://127.0.0.1:${page.port}/metrics`);
      }
      const totals = await embedRun({
        ...work,
        directory,
        record: complete,
        maxFailureRate: rate,
        signal: interrupt.signal,
        watcher: progress,
      });
      const report = {
        record: complete,
        engineReason: choice.reason,
        totals,
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
      for (const close of closing.toReversed()) await close();
    }
  },
};

function maxFailureRate(values: Values): number {
  const value = text(values, 'max-failure-rate') ?? '0.5';
  const rate = Number(value);
  if (value.trim() !== '' && rate >= 0 && rate <= 1) return rate;
  throw new UsageError(`Expected a share from 0 to 1 for --max-failure-rate but found '${value}'.`);
}
