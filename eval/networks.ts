// The networks under measurement as extractors: the int8 model of a directory, and the float weights it was
// made from.

import { createHash } from 'node:crypto';
import { createReadStream } from 'node:fs';
import { pipeline } from 'node:stream/promises';
import { InputError } from '../core/errors.ts';
import type { VggConfiguration } from '../core/family.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Engine } from '../core/ports.ts';
import { TAPS, type Tap, tapShapes } from '../core/taps.ts';
import { openFloatRunner } from '../model-build/float-runner.ts';
import { openWeights } from '../model-build/open-weights.ts';
import { readNetwork } from '../model-build/read-network.ts';
import type { Extractor } from './extractor.ts';

/** All taps of a model as `engine` gives them. Closing it disposes of the engine. */
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
 * All taps of a weight file in float32, with the input of `manifest`. Throws InputError where there is no file,
 * or one that is no network of the same taps.
 */
export async function weightsExtractor(path: string, manifest: Manifest): Promise<Extractor> {
  const file = await openWeights(path);
  try {
    const network = await readNetwork(file, manifest.preprocess);
    const outputs = tapWidths(manifest);
    checkTaps(path, network.configuration, outputs);
    const hash = createHash('sha256');
    await pipeline(createReadStream(path), hash);
    const runner = await openFloatRunner(network);
    const names = outputs.map(({ name }) => name);
    return {
      key: `${hash.digest('hex').slice(0, 12)}-float32`,
      outputs,
      async run(batch) {
        const values = await runner.run(batch, names);
        return names.map((name) => values.get(name) ?? new Float32Array());
      },
      close: async () => await runner[Symbol.asyncDispose](),
    };
  } finally {
    await file.close();
  }
}

interface TapWidth {
  readonly name: Tap;
  readonly width: number;
}

function tapWidths(manifest: Manifest): TapWidth[] {
  return TAPS.flatMap((name) => {
    const shape = manifest.taps.find((tap) => tap.name === name)?.shape;
    return shape === undefined ? [] : [{ name, width: valuesOf(shape) }];
  });
}

function valuesOf(shape: readonly number[]): number {
  return shape.reduce((product, side) => product * side, 1);
}

function checkTaps(path: string, configuration: VggConfiguration, outputs: readonly TapWidth[]): void {
  const shapes = tapShapes(configuration);
  for (const { name, width } of outputs) {
    const found = valuesOf(shapes[name]);
    if (found === width) continue;
    throw new InputError(
      'invalid_argument',
      `Expected weights of a network with ${width} values for ${name}, as the model has, but ${path} gives ${found}. Give the float weights that the model was built from.`,
      { param: '--reference' },
    );
  }
}
