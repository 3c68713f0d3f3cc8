// vgg-edge runner: takes shards from the queue until it is told to stop. Any number, on any machines.

import { InputError, ModelError } from '../core/errors.ts';
import { createMeter } from '../runner/meter.ts';
import { DEFAULT_READERS, openWork } from '../runner/open-work.ts';
import { type RunnerWork, runShards } from '../runner/queue/run-shards.ts';
import { connectQueue } from '../runner/queue/shard-jobs.ts';
import { describeShares } from '../runner/report.ts';
import { shardName } from '../runner/run-directory.ts';
import type { RunRecord } from '../runner/run-record.ts';
import { limitGarbage } from '../runner/thread-memory.ts';
import { type Command, required, text, UsageError, wholeNumber } from './command.ts';
import { openEmbeddingModel } from './embedding-model.ts';
import { stopOnInterrupt } from './stop-on-interrupt.ts';

/** Seconds. */
const PATIENCE = 30;

export const runner: Command = {
  name: 'runner',
  summary: 'Takes shards of vgg-edge embed --queue and embeds them; start as many as there are machines.',
  usage: '--queue redis://HOST:PORT [options]',
  options: {
    queue: { type: 'string', value: 'URL', description: 'the Redis that vgg-edge embed --queue names' },
    model: {
      type: 'string',
      value: 'DIR',
      description: "the model directory here (default: the coordinator's path)",
    },
    threads: { type: 'string', value: 'N', description: 'threads that decode (default: one per core)' },
    readers: {
      type: 'string',
      value: 'N',
      description: `images read at a time (default ${DEFAULT_READERS})`,
    },
    patience: {
      type: 'string',
      value: 'SECONDS',
      description: `a runner that gives no sign of life for so long loses its shards (default ${PATIENCE}; the same for all)`,
    },
  },
  examples: [
    'vgg-edge runner --queue redis://10.0.0.5:6379',
    'vgg-edge runner --queue redis://10.0.0.5:6379 --model /models/default --readers 64',
  ],
  async run(positionals, values) {
    if (positionals.length > 0) throw new UsageError('Expected no argument.');
    const url = required(values, 'queue');
    const patience = wholeNumber(values, 'patience', { min: 1, max: 3600 }) ?? PATIENCE;
    const threads = wholeNumber(values, 'threads', { min: 1, max: 1024 });
    const readers = wholeNumber(values, 'readers', { min: 1, max: 4096 });
    const meter = createMeter();
    const connection = await connectQueue(url);
    const interrupt = stopOnInterrupt(() =>
      console.error('Finishing the shards in work; Ctrl-C again stops at once, and others take them over.'),
    );
    const open = async (record: RunRecord, model: string): Promise<RunnerWork> => {
      const { layer, pool, dimensions } = record.space;
      const { normalize } = record;
      const opened = await openEmbeddingModel(text(values, 'model') ?? model, () => ({
        layer,
        pool,
        normalize,
        dimensions,
      }));
      refuseOther(record, opened.id, opened.describer.projection ?? null);
      const { manifest, describer } = opened;
      const { engine, reason } = await opened.openEngine(record.engine);
      console.error(`${record.source}: ${reason}`);
      const work = await openWork({ record, manifest, describer, meter, threads, readers });
      return {
        output: work.output,
        // Shards in work are finished whatever happens; what is not is done again by another.
        pipeline: work.openPipeline(engine, new AbortController().signal),
        async close() {
          await work.close();
          await engine.dispose();
        },
      };
    };
    limitGarbage();
    console.error(`Waiting for shards from ${new URL(url).host}. Ctrl-C stops.`);
    try {
      await runShards({
        connection,
        openWork: open,
        meter,
        signal: interrupt.signal,
        patience: patience * 1000,
        onShard(directory, marker) {
          const { rate, shares } = meter.read();
          const { items, failed, shard } = marker;
          console.log(
            `${directory.path} ${shardName(shard)}: ${items} items, ${failed} failed · ${rate.toFixed(1)} images/s · ${describeShares(shares)}`,
          );
        },
        onError: (error) => console.error(`error: ${error instanceof Error ? error.message : String(error)}`),
      });
    } finally {
      interrupt.release();
    }
    // Behind a Redis that is away BullMQ's timers would hold the process.
    process.exit();
  },
};

function refuseOther({ space }: RunRecord, model: string, projection: string | null): void {
  if (space.model !== model) {
    throw new ModelError(
      'invalid_manifest',
      `Expected the model ${space.model} of the run but found ${model}. Give the directory with --model.`,
    );
  }
  if (space.projection !== projection) {
    throw new InputError(
      'index_mismatch',
      `Expected the projection ${space.projection} of the run but the model directory has ${projection}.`,
    );
  }
}
