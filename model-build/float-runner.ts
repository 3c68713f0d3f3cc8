// Runs a float network in memory through onnxruntime-node: the reference that the quantised network is
// measured against, and its simulation while levels are searched. Lives in a temporary folder.

import { join } from 'node:path';
import type { ImageBatch } from '../core/ports.ts';
import { type GraphSession, type GraphValue, openGraphSession } from '../engine/node/graph-session.ts';
import { floatBackbone, floatHead, levelInputs, type NetworkLevels } from './float-graph.ts';
import { writeGraphs } from './graph-files.ts';
import type { FloatNetwork } from './network.ts';
import { temporaryFolder } from './temporary-folder.ts';

export interface FloatRunnerOptions {
  /** The activations are rounded to the levels given to each run. */
  readonly simulate?: boolean;
  /** Every layer's output can be asked for. */
  readonly expose?: boolean;
}

/** Values by name, row-major, first dimension images. */
export type Outputs = ReadonlyMap<string, Float32Array>;

/** Disposing of it closes the sessions and removes the folder. */
export interface FloatRunner extends AsyncDisposable {
  /** `outputs` are names of the graphs' values; `levels` where the runner simulates. */
  run(batch: ImageBatch, outputs: readonly string[], levels?: NetworkLevels): Promise<Outputs>;
}

export async function openFloatRunner(
  network: FloatNetwork,
  options: FloatRunnerOptions = {},
): Promise<FloatRunner> {
  await using opening = new AsyncDisposableStack();
  const { path: directory } = opening.use(await temporaryFolder());
  const open = async (file: string): Promise<GraphSession> =>
    opening.adopt(await openGraphSession(join(directory, file)), (session) => session.close());
  const graphs = {
    backbone: floatBackbone(network, { ...options, type: 'float32' }),
    head: floatHead(network, { ...options, type: 'float32' }),
  };
  await writeGraphs(directory, graphs, { shards: 'float', graphs: '.onnx' });
  const backbone = await open('backbone.onnx');
  const head = await open('head.onnx');
  const ofBackbone = new Set(graphs.backbone.outputs.map(({ name }) => name));
  const opened = opening.move();
  return {
    async run(batch, outputs, levels) {
      const { images, size, data } = batch;
      const pixels = { data, shape: [images, size, size, 3] };
      const fromBackbone = outputs.filter((name) => ofBackbone.has(name));
      const fromHead = outputs.filter((name) => !ofBackbone.has(name));
      const wanted = new Set(fromHead.length === 0 ? fromBackbone : ['features', ...fromBackbone]);
      const scales = levels === undefined ? { backbone: {}, head: {} } : levelValues(network, levels);
      const values = await backbone.run({ pixels, ...scales.backbone }, [...wanted]);
      const results = { ...values };
      if (fromHead.length > 0) {
        Object.assign(results, await runHead(head, values.features, scales.head, fromHead));
      }
      return new Map(outputs.map((name) => [name, float(results[name])]));
    },
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

/** A runner for as long as `use` takes. */
export async function withRunner<Result>(
  network: FloatNetwork,
  options: FloatRunnerOptions,
  use: (runner: FloatRunner) => Promise<Result>,
): Promise<Result> {
  await using runner = await openFloatRunner(network, options);
  return await use(runner);
}

async function runHead(
  head: GraphSession,
  features: GraphValue | undefined,
  scales: Readonly<Record<string, GraphValue>>,
  outputs: readonly string[],
): Promise<Readonly<Record<string, GraphValue>>> {
  if (features === undefined) throw new TypeError('The backbone gave no features.');
  return head.run({ features, ...scales }, outputs);
}

function levelValues(network: FloatNetwork, levels: NetworkLevels) {
  const scalars = (entries: readonly [name: string, value: number][]) =>
    Object.fromEntries(
      entries.map(([name, value]): [string, GraphValue] => [
        name,
        { data: Float32Array.of(value), shape: [] },
      ]),
    );
  const backbone = levels.convolutions.flatMap((output, index) =>
    levelInputs(network.convolutions[index]?.shape.name ?? '', output),
  );
  const head = levels.linears.flatMap((input, index) =>
    levelInputs(network.linears[index]?.shape.name ?? '', input),
  );
  return { backbone: scalars([...levelInputs('pixels', levels.pixels), ...backbone]), head: scalars(head) };
}

function float(value: GraphValue | undefined): Float32Array {
  if (value?.data instanceof Float32Array) return value.data;
  throw new TypeError('Expected float32 values from a float graph.');
}
