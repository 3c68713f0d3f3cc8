// The measurement: photographs → vectors in the cache → classification, retrieval, fidelity → the report.

import { cosine } from '../core/cosine.ts';
import { InputError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import { overlap, type VectorSet } from '../core/nearest-rows.ts';
import type { ImageDecoder } from '../core/ports.ts';
import { top1Agreement as agreementOf, sixDigits, summarised } from '../model-build/fidelity.ts';
import { createRandom } from '../model-build/random.ts';
import { fitProjection } from '../search/fit-projection.ts';
import { type ClassificationFigures, classify, matchClasses } from './classification.ts';
import {
  DESCRIPTORS,
  descriptorName,
  loadDescriptors,
  loadRows,
  type MeasuredDescriptor,
  projectRows,
  rowsOf,
  type VectorSource,
} from './descriptors.ts';
import { type Extracted, type Extraction, extract } from './extract.ts';
import type { Extractor } from './extractor.ts';
import { HSV_HISTOGRAM } from './hsv-histogram.ts';
import type { ChosenPhotos } from './photos.ts';
import type { Both, EvalReport, Fidelity, RetrievalRow } from './report.ts';
import { retrieve } from './retrieval.ts';
import type { VectorCache } from './vector-cache.ts';

export interface Measurement {
  readonly model: { readonly manifest: Manifest; readonly id: string; readonly extractor: Extractor };
  readonly reference: { readonly name: string; readonly extractor: Extractor } | null;
  readonly decoder: ImageDecoder;
  readonly cache: VectorCache;
  readonly images: ChosenPhotos & { readonly folder: string };
  /** Other photographs, which projections to `dimensions` values are fitted to. */
  readonly whitening: (ChosenPhotos & { readonly folder: string; readonly dimensions: number }) | null;
  readonly progress: MeasureProgress;
}

/** `what` is being done: `done` of `total`. */
export type MeasureProgress = (what: string, done: number, total: number) => void;

const SEED = 1;

/** Throws InputError when no photograph can be measured. */
export async function measureModel(measurement: Measurement): Promise<EvalReport> {
  const { model, reference, images, whitening } = measurement;
  const extraction = await extractSet(measurement, images, 'photographs');
  const fitted =
    whitening === null ? null : await extractSet(measurement, whitening, 'photographs for whitening', true);
  const { photos, failed } = extraction;
  const names = [...new Set(photos.flatMap(({ className }) => className ?? []))].toSorted();
  const { classification, unmatched } = await measureClassification(measurement, photos, names);
  return {
    format: 'vgg-edge-eval',
    model: model.id,
    trained: model.manifest.trained,
    precision: 'int8',
    reference: reference?.name ?? null,
    photos: {
      folder: images.folder,
      found: images.found,
      measured: photos.length,
      classes: names.length,
      failed,
    },
    classification,
    withoutLabel: unmatched,
    retrieval: await measureRetrieval(measurement, photos, names, fitted?.photos ?? null),
    whitening:
      whitening === null || fitted === null
        ? null
        : { folder: whitening.folder, photos: fitted.photos.length },
    fidelity: await measureFidelity(measurement, photos),
  };
}

async function extractSet(
  { model, reference, decoder, cache, progress }: Measurement,
  { photos }: ChosenPhotos,
  what: string,
  modelOnly = false,
): Promise<Extraction> {
  // The float runtime works on threads of its own while the int8 engine holds this one: it goes first.
  const float = reference === null || modelOnly ? [] : [reference.extractor];
  const extractors = [...float, ...(modelOnly ? [] : [HSV_HISTOGRAM]), model.extractor];
  const { preprocess: sizes } = model.manifest;
  const report = (done: number) => progress(what, done, photos.length);
  const extraction = await extract(photos, { decoder, sizes, cache, extractors, progress: report });
  if (extraction.photos.length === 0) throw nothingLeft(extraction);
  return extraction;
}

async function measureClassification(
  { model, reference, cache }: Measurement,
  photos: readonly Extracted[],
  names: readonly string[],
): Promise<{ classification: Both<ClassificationFigures> | null; unmatched: readonly string[] }> {
  const { numbers, unmatched } = matchClasses(names, model.manifest);
  if (names.length === 0 || unmatched.length > 0 || !gives(model.extractor, 'scores')) {
    return { classification: null, unmatched };
  }
  const classes = Int32Array.from(photos, ({ className }) => numbers.get(className ?? '') ?? -1);
  const figures = async (extractor: Extractor) => {
    const { values } = await loadRows({ cache, extractor, photos }, 'scores', (scores) => scores);
    return classify(values, classes, model.manifest);
  };
  const int8 = await figures(model.extractor);
  const float32 = reference === null ? null : await figures(reference.extractor);
  return { classification: { int8, float32 }, unmatched };
}

async function measureRetrieval(
  { model, reference, cache, whitening, progress }: Measurement,
  photos: readonly Extracted[],
  names: readonly string[],
  others: readonly Extracted[] | null,
): Promise<RetrievalRow[]> {
  const classes =
    names.length < 2 ? null : Int32Array.from(photos, ({ className }) => names.indexOf(className ?? ''));
  const rows: RetrievalRow[] = [];
  const compare = (
    identity: Pick<RetrievalRow, 'name' | 'descriptor' | 'whitened'>,
    own: VectorSet,
    float: VectorSet | null,
  ): void => {
    const int8 = retrieve(own, classes);
    const float32 = float === null ? null : retrieve(float, classes);
    rows.push({
      ...identity,
      dimensions: own.width,
      figures: { int8: int8.figures, float32: float32?.figures ?? null },
      overlapAt10: float32 === null ? null : overlap(int8.nearest, float32.nearest),
    });
  };
  const source = (extractor: Extractor): VectorSource => ({ cache, extractor, photos });
  const descriptors = DESCRIPTORS.filter(({ layer }) => gives(model.extractor, layer));
  for (const [index, descriptor] of descriptors.entries()) {
    progress('descriptors', index, descriptors.length);
    const own = await loadDescriptors(source(model.extractor), descriptor);
    const float = reference === null ? null : await loadDescriptors(source(reference.extractor), descriptor);
    compare({ name: descriptorName(descriptor), descriptor, whitened: false }, own, float);
    if (whitening === null || others === null) continue;
    const projection = await whiteningOf(
      { cache, extractor: model.extractor, photos: others },
      descriptor,
      whitening.dimensions,
    );
    compare(
      { name: `${descriptorName(descriptor)}, whitened`, descriptor, whitened: true },
      projectRows(own, projection),
      float === null ? null : projectRows(float, projection),
    );
  }
  if (classes !== null) {
    const histograms = await loadRows(source(HSV_HISTOGRAM), 'histogram', (values) => values);
    compare({ name: 'colour histogram (HSV)', descriptor: null, whitened: false }, histograms, null);
  }
  progress('descriptors', descriptors.length, descriptors.length);
  return rows;
}

async function whiteningOf(source: VectorSource, descriptor: MeasuredDescriptor, dimensions: number) {
  const vectors = await loadDescriptors(source, descriptor);
  return fitProjection(rowsOf(vectors), Math.min(dimensions, vectors.width), createRandom(SEED));
}

async function measureFidelity(
  { model, reference, cache }: Measurement,
  photos: readonly Extracted[],
): Promise<Fidelity | null> {
  if (reference === null) return null;
  const taps: Record<string, Fidelity['taps'][string]> = {};
  let top1Agreement: number | null = null;
  for (const { name } of model.extractor.outputs) {
    const cosines = new Float64Array(photos.length);
    let agreeing = 0;
    for (const [row, { hash }] of photos.entries()) {
      const int8 = await cache.read(model.extractor, hash, name);
      const float32 = await cache.read(reference.extractor, hash, name);
      cosines[row] = cosine(float32, int8);
      agreeing += agreementOf(float32, int8, 1);
    }
    taps[name] = summarised(cosines);
    if (name === 'scores') top1Agreement = sixDigits(agreeing / photos.length);
  }
  return { taps, top1Agreement };
}

function gives({ outputs }: Extractor, output: string): boolean {
  return outputs.some(({ name }) => name === output);
}

function nothingLeft({ failed }: Extraction): InputError {
  const [first] = failed;
  return new InputError(
    'invalid_image',
    `Expected photographs that can be decoded but all ${failed.length} failed; the first is ${first?.name}: ${first?.reason}`,
    { param: '--images' },
  );
}
