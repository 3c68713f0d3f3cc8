// The certificate of a model directory as a table: what int8 costs against fp32, per tap and per tensor.

import * as z from 'zod';
import type { Manifest } from '../core/manifest.ts';
import { TAPS } from '../core/taps.ts';
import { percent } from '../runner/quantity.ts';
import { table } from './table.ts';

const figures = z.object({ mean: z.number(), percentile1: z.number(), min: z.number() });
const fidelity = z.object({
  images: z.number(),
  cosine: z.record(z.enum(TAPS), figures),
  top1Agreement: z.number(),
  scoresDivergence: z.number(),
  neighbourOverlap10: z.number(),
  weights: z.array(z.object({ tensor: z.string(), worstSteps: z.number(), relativeRms: z.number() })),
});

/** Throws nothing: a manifest without the figures says so. */
export function fidelityTable(manifest: Manifest): string {
  const parsed = fidelity.safeParse(manifest.fidelity);
  if (!parsed.success) return 'No fidelity was measured when this model was built.';
  const { images, cosine, weights, ...others } = parsed.data;
  const digits = (value: number) => value.toFixed(5);
  return [
    table(
      ['tensor', 'worst error, steps', 'RMS error ÷ RMS'],
      weights.map(({ tensor, worstSteps, relativeRms }) => [
        tensor,
        worstSteps.toFixed(3),
        digits(relativeRms),
      ]),
    ),
    '',
    table(
      ['int8 against fp32', 'mean cosine', '1 %', 'minimum'],
      TAPS.map((tap) => [tap, ...[cosine[tap].mean, cosine[tap].percentile1, cosine[tap].min].map(digits)]),
    ),
    '',
    `on ${images} images not calibrated with: top-1 agreement ${percent(others.top1Agreement, 1)}, overlap of the 10 nearest by averaged map ${percent(others.neighbourOverlap10, 1)}, divergence of the scores ${others.scoresDivergence.toFixed(5)} nats`,
  ].join('\n');
}
