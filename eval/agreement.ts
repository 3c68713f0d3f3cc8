// Edge and runner on the same photographs: how alike their vectors are, and whether a search finds the same
// with the one as with the other.

import { createHash } from 'node:crypto';
import type { AgreementMeasurement } from '../core/agreement.ts';
import { InputError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import { nearestOf, overlap } from '../core/nearest-rows.ts';
import type { Engine, ImageDecoder } from '../core/ports.ts';
import { cosineFigures, sixDigits, top1Agreement } from '../model-build/fidelity.ts';
import { descriptorName, loadDescriptors, loadRows, type MeasuredDescriptor } from './descriptors.ts';
import { extract, type FailedPhoto } from './extract.ts';
import { engineExtractor } from './networks.ts';
import type { Photo } from './photos.ts';
import type { VectorCache } from './vector-cache.ts';

export interface AgreementParts {
  readonly manifest: Manifest;
  readonly id: string;
  readonly edge: Engine;
  readonly runner: Engine;
  readonly decoder: ImageDecoder;
  readonly cache: VectorCache;
  readonly photos: readonly Photo[];
  readonly progress: (done: number) => void;
}

export type AgreementFigures = Omit<AgreementMeasurement, 'runner' | 'machine'> & {
  readonly failed: readonly FailedPhoto[];
};

/**
 * Of the raw features and the descriptor that search stores by default. Neighbours are sought among the other
 * photographs, exactly. Throws InputError when fewer than two photographs can be measured, and what the
 * engines throw.
 */
export async function measureAgreement(parts: AgreementParts): Promise<AgreementFigures> {
  const { manifest, id, cache, photos, decoder, progress } = parts;
  const edge = engineExtractor(parts.edge, manifest, `${id}-edge`);
  const runner = engineExtractor(parts.runner, manifest, `${id}-runner`);
  const sizes = manifest.preprocess;
  const extractors = [edge, runner];
  const extraction = await extract(photos, { decoder, sizes, cache, extractors, progress });
  const rows = extraction.photos.length;
  if (rows < 2) {
    throw new InputError(
      'invalid_argument',
      `Expected at least 2 photographs that can be decoded but found ${rows}. ${extraction.failed[0]?.reason ?? ''}`,
      { param: 'images' },
    );
  }
  const of = (extractor: typeof edge) => ({ cache, extractor, photos: extraction.photos });
  const vectors: AgreementMeasurement['vectors'] = [];
  for (const descriptor of measuredDescriptors(manifest)) {
    const ours = await loadDescriptors(of(edge), descriptor);
    const theirs = await loadDescriptors(of(runner), descriptor);
    const found = nearestOf(theirs, theirs);
    vectors.push({
      descriptor: descriptorName(descriptor),
      cosine: cosineFigures(ours.values, theirs.values, rows),
      overlapAt10: sixDigits(overlap(nearestOf(ours, ours), found)),
      recallAt10: sixDigits(overlap(nearestOf(ours, theirs), found)),
    });
  }
  const scores = async (extractor: typeof edge) =>
    (await loadRows(of(extractor), 'scores', (values) => values)).values;
  const hash = createHash('sha256');
  for (const photo of extraction.photos) hash.update(photo.hash);
  return {
    photographs: rows,
    photographsSha256: hash.digest('hex'),
    top1Agreement: manifest.taps.some(({ name }) => name === 'scores')
      ? top1Agreement(await scores(edge), await scores(runner), rows)
      : null,
    vectors,
    failed: extraction.failed,
  };
}

function measuredDescriptors({ defaultDescriptor }: Manifest): MeasuredDescriptor[] {
  const stored = defaultDescriptor ?? { layer: 'features', pool: 'gem' };
  const raw: MeasuredDescriptor = { layer: 'features', pool: 'none' };
  return stored.layer === raw.layer && stored.pool === raw.pool ? [raw] : [stored, raw];
}
