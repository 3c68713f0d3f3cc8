// The networks under measurement as extractors: the int8 model of a directory, and the float weights it was
// made from.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { join } from 'node:path';
import { pipeline } from 'node:stream/promises';
import { ModelError } from '../core/errors.ts';
import type { Manifest, ModelPart } from '../core/manifest.ts';
import type { Engine } from '../core/ports.ts';
import { needsHead, TAPS, type Tap } from '../core/taps.ts';
import { type GraphSession, type GraphValue, openGraphSession } from '../engine/node/graph-session.ts';
import { openFloatRunner } from '../model-build/float-runner.ts';
import { openWeights } from '../model-build/open-weights.ts';
import { readNetwork } from '../model-build/read-network.ts';
import type { Extractor } from './extractor.ts';

/** All taps of a model as `engine` gives them, in int8. Closing it disposes of the engine. */
export function engineExtractor(engine: Engine, manifest: Manifest, id: string): Extractor {
  const outputs = tapWidths(manifest);
  const taps = outputs.map(({ name }) => name);
  return {
    key: `${id}-${engine.precision}`,
    outputs,
    async run(batch) {
      const result = await engine.run(batch, taps);
      return taps.map((tap) => result.outputs[tap] ?? new Float32Array());
    },
    close: () => engine.dispose(),
  };
}

/**
 * The same from the model directory's graphs by onnxruntime-node, several times faster and, depending on the
 * processor, not exact: to be checked. Throws ModelError.
 */
export async function nativeExtractor(directory: string, manifest: Manifest, id: string): Promise<Extractor> {
  const sessionOf = async (part: ModelPart): Promise<GraphSession> => {
    const file = manifest.graphs.find((graph) => graph.part === part)?.file;
    if (file === undefined) {
      throw new ModelError(
        'invalid_manifest',
        `Expected a graph for the ${part} in model.json but found none.`,
      );
    }
    return openGraphSession(join(directory, file));
  };
  const backbone = await sessionOf('backbone');
  const head = await sessionOf('head');
  const outputs = tapWidths(manifest);
  const ofHead = outputs.flatMap(({ name }) => (needsHead(name) ? [name] : []));
  return {
    key: `${id}-int8`,
    outputs,
    async run({ images, size, data }) {
      const pixels = { data, shape: [images, size, size, 3] };
      const { features } = await backbone.run({ pixels }, ['features']);
      if (features === undefined) throw new ModelError('engine_failed', 'The backbone gave no features.');
      const values: Readonly<Record<string, GraphValue>> = {
        features,
        ...(await head.run({ features }, ofHead)),
      };
      return outputs.map(({ name }) => {
        const rows = values[name]?.data;
        return rows instanceof Float32Array ? rows : new Float32Array();
      });
    },
    async close() {
      await backbone.close();
      await head.close();
    },
  };
}

/**
 * All taps of a weight file in float32, with the input of `manifest`. Throws InputError where the file is no
 * network of the same taps.
 */
export async function weightsExtractor(path: string, manifest: Manifest): Promise<Extractor> {
  const hash = createHash('sha256');
  await pipeline(createReadStream(path), hash);
  const file = await openWeights(path);
  try {
    const network = await readNetwork(file, manifest.preprocess);
    const runner = await openFloatRunner(network);
    const outputs = tapWidths(manifest);
    const names = outputs.map(({ name }) => name);
    return {
      key: `${hash.digest('hex').slice(0, 12)}-float32`,
      outputs,
      async run(batch) {
        const values = await runner.run(batch, names);
        return names.map((name) => values.get(name) ?? new Float32Array());
      },
      close: () => runner.close(),
    };
  } finally {
    await file.close();
  }
}

function tapWidths(manifest: Manifest): { name: Tap; width: number }[] {
  return TAPS.flatMap((name) => {
    const shape = manifest.taps.find((tap) => tap.name === name)?.shape;
    return shape === undefined ? [] : [{ name, width: shape.reduce((product, side) => product * side, 1) }];
  });
}
