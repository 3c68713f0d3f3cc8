// Model directories with a projection of fc6 from 8 values to 2: fitted, fitted to another model, fitted anew.

import type { ModelFiles } from '../../core/ports.ts';
import { writeProjection } from '../../core/projection.ts';
import { sha256Hex } from '../../worker/answer-cache.ts';
import { filesOf, MODEL_ID } from './fixture.ts';

/** From 8 values the fourth and the seventh. */
const projection = writeProjection({
  mean: new Float32Array(8),
  matrix: Float32Array.from({ length: 16 }, (_, i) => Number(i === 3 || i === 14)),
});
/** A model directory with one projection, of fc6. */
async function projectedFiles(content = projection, model = MODEL_ID): Promise<ModelFiles> {
  const entry = {
    layer: 'fc6',
    pool: 'none',
    inputs: 8,
    dimensions: 2,
    file: 'projection-fc6-none-2.bin',
    bytes: content.length,
    sha256: await sha256Hex(content),
    images: 100,
    explainedVariance: 0.5,
  };
  const list = { format: 'vgg-edge-projections', formatVersion: 1, model, projections: [entry] };
  return filesOf({ 'projections.json': JSON.stringify(list), [entry.file]: content });
}

export const files = await projectedFiles();
export const fittedToOther = await projectedFiles(projection, 'other@0');
export const refitted = await projectedFiles(
  writeProjection({ mean: new Float32Array(8), matrix: new Float32Array(16).fill(1) }),
);
