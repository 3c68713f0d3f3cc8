// The last stage of a build: the directory as it was written, run by the edge engine on images that were not
// calibrated with, against the float network.

import { poolMap } from '../core/descriptors.ts';
import type { Manifest } from '../core/manifest.ts';
import type { ImageBatch } from '../core/ports.ts';
import { TAPS, type Tap } from '../core/taps.ts';
import { createOrtWebEngine } from '../engine/edge/engine.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { compileOrtWebWasm } from '../engine/node/ort-web-wasm.ts';
import {
  type CosineFigures,
  cosineFigures,
  joined,
  meanDivergence,
  neighbourOverlap,
  top1Agreement,
} from './fidelity.ts';
import { openFloatRunner } from './float-runner.ts';
import { inBatches } from './image-sets.ts';
import type { FloatNetwork } from './network.ts';

/** int8 against fp32 on images that were not calibrated with. */
export interface NetworkFidelity {
  readonly images: number;
  readonly cosine: Readonly<Record<Tap, CosineFigures>>;
  readonly top1Agreement: number;
  /** KL divergence of the probabilities, nats. */
  readonly scoresDivergence: number;
  /** Of the 10 nearest among these images by averaged map. */
  readonly neighbourOverlap10: number;
}

export type TapValues = Readonly<Record<Tap, Float32Array>>;

export async function verifyDirectory(
  directory: string,
  manifest: Manifest,
  network: FloatNetwork,
  images: ImageBatch,
  progress: (done: number, total: number) => void,
): Promise<NetworkFidelity> {
  await using open = new AsyncDisposableStack();
  const reference = open.use(await openFloatRunner(network));
  const wasm = await compileOrtWebWasm();
  const now = () => performance.now();
  const engine = createOrtWebEngine({ manifest, files: diskFiles(directory), wasm, now });
  open.defer(() => engine.dispose());
  const parts = { expected: emptyParts(), found: emptyParts() };
  let done = 0;
  for (const batch of inBatches(images, 4)) {
    progress(done, images.images);
    const values = await reference.run(batch, TAPS);
    const { outputs } = await engine.run(batch, TAPS);
    for (const tap of TAPS) {
      parts.expected[tap].push(values.get(tap) ?? new Float32Array());
      parts.found[tap].push(outputs[tap] ?? new Float32Array());
    }
    done += batch.images;
  }
  progress(done, images.images);
  return compare(joinParts(parts.expected), joinParts(parts.found), images.images);
}

function compare(expected: TapValues, found: TapValues, images: number): NetworkFidelity {
  const cosine = (tap: Tap) => cosineFigures(expected[tap], found[tap], images);
  return {
    images,
    cosine: {
      features: cosine('features'),
      fc6: cosine('fc6'),
      fc7: cosine('fc7'),
      scores: cosine('scores'),
    },
    top1Agreement: top1Agreement(expected.scores, found.scores, images),
    scoresDivergence: meanDivergence(expected.scores, found.scores, images),
    neighbourOverlap10: neighbourOverlap(
      poolMap(expected.features, 'avg'),
      poolMap(found.features, 'avg'),
      images,
    ),
  };
}

function emptyParts(): Record<Tap, Float32Array[]> {
  return { features: [], fc6: [], fc7: [], scores: [] };
}

function joinParts(parts: Readonly<Record<Tap, readonly Float32Array[]>>): TapValues {
  return {
    features: joined(parts.features),
    fc6: joined(parts.fc6),
    fc7: joined(parts.fc7),
    scores: joined(parts.scores),
  };
}
