// A runner whose source answers slowly, as a bucket far away does: the other half of runners.bench.ts.

import { setTimeout } from 'node:timers/promises';
import { createDecodePool } from '../runner/decode-pool.ts';
import { createMeter } from '../runner/meter.ts';
import { openRecordedOutput, openRecordedSource } from '../runner/open-work.ts';
import { createPipeline } from '../runner/pipeline.ts';
import { runShards } from '../runner/queue/run-shards.ts';
import { connectQueue } from '../runner/queue/shard-jobs.ts';
import { tinyModel } from '../test/engine/tiny-model.ts';
import { tinyDescriber, tinyEngine } from '../test/runner/run-fixture.ts';

const [url = '', delay = ''] = process.argv.slice(2);
const connection = await connectQueue(url);
const { manifest } = tinyModel();
const stop = new AbortController();
process.on('SIGTERM', () => stop.abort());

const meter = createMeter();

await runShards({
  connection,
  meter,
  signal: stop.signal,
  patience: 30_000,
  onError: (error) => console.error(error),
  async openWork(record) {
    const source = await openRecordedSource(record);
    const output = await openRecordedOutput(record);
    const decoders = createDecodePool({ sizes: manifest.preprocess, limits: record.limits, threads: 1 });
    const engine = await tinyEngine();
    const pipeline = createPipeline({
      source: {
        ...source,
        async read(item, maxBytes) {
          await setTimeout(Number(delay));
          return await source.read(item, maxBytes);
        },
      },
      decoders,
      engine,
      describer: await tinyDescriber(),
      size: manifest.preprocess.crop,
      batch: record.batch,
      refuseZeros: output.refusesZeros,
      readers: 2,
      maxBytes: record.limits.maxBytes,
      meter,
      signal: new AbortController().signal,
    });
    return {
      pipeline,
      output,
      async close() {
        await decoders.close();
        await engine.dispose();
      },
    };
  },
});
