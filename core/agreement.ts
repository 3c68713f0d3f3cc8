// agreement.json, beside a model's manifest: how near the runner's engines come to the edge on photographs.
// A file of its own, since another GPU may be measured at any time and the model's id must stay.

import * as z from 'zod';
import { ModelError } from './errors.ts';

const share = z.number().min(0).max(1);

/** Of the cosines between the two vectors of each photograph. */
const cosines = z.strictObject({ mean: z.number(), percentile1: z.number(), min: z.number() });

const vectors = z.strictObject({
  /** `features`, `features gem`: the layer, and how it is pooled. */
  descriptor: z.string(),
  cosine: cosines,
  /** Mean share of a photograph's 10 nearest others that an index and queries of the edge have in common with those of the runner. */
  overlapAt10: share,
  /** The same for queries of the edge on an index that the runner built. */
  recallAt10: share,
});

const measurement = z.strictObject({
  /** As runner/engine.ts names it: `webgpu:fp16`. */
  runner: z.string(),
  /** Whoever measured: processor, cores, system. */
  machine: z.string(),
  photographs: z.int().min(1),
  /** Of the photographs' hashes in their order: which they were. */
  photographsSha256: z.string().regex(/^[0-9a-f]{64}$/),
  /** Share of photographs with the same most likely class; null for a model without scores. */
  top1Agreement: share.nullable(),
  vectors: z.array(vectors).min(1),
});

const agreementSchema = z.strictObject({
  format: z.literal('vgg-edge-agreement'),
  formatVersion: z.literal(1),
  /** The id of the model that was measured: a directory that was built again has no agreement yet. */
  model: z.string(),
  /** The engine of the edge. */
  edge: z.literal('winograd:int8'),
  /** One per engine of the runner. */
  measurements: z.array(measurement),
});

export type Agreement = z.infer<typeof agreementSchema>;
export type AgreementMeasurement = z.infer<typeof measurement>;

/** Throws ModelError('invalid_manifest') that says where the file is wrong. */
export function parseAgreement(json: string): Agreement {
  let value: unknown;
  try {
    value = JSON.parse(json);
  } catch (cause) {
    throw new ModelError('invalid_manifest', 'agreement.json is not JSON. Measure the agreement again.', {
      cause,
    });
  }
  const { data, error } = agreementSchema.safeParse(value);
  if (data !== undefined) return data;
  const issue = error.issues[0];
  throw new ModelError(
    'invalid_manifest',
    `agreement.json at '${issue?.path.join('.') ?? ''}': ${issue?.message ?? 'unknown'}. Measure the agreement again.`,
  );
}

/** The record with this measurement, in place of an earlier one of the same engine; of another model nothing is kept. */
export function withMeasurement(
  found: Agreement | undefined,
  model: string,
  measurement: AgreementMeasurement,
): Agreement {
  const others = found?.model === model ? found.measurements : [];
  return {
    format: 'vgg-edge-agreement',
    formatVersion: 1,
    model,
    edge: 'winograd:int8',
    measurements: [...others.filter(({ runner }) => runner !== measurement.runner), measurement],
  };
}
