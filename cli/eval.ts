// vgg-edge eval: what a model directory is worth on a folder of photographs.

import { writeFile } from 'node:fs/promises';
import { basename } from 'node:path';
import { createOrtWebEngine } from '../engine/edge/engine.ts';
import { readManifest } from '../engine/model-file.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { createNativeEngine } from '../engine/node/native-engine.ts';
import { compileOrtWebWasm } from '../engine/node/ort-web-wasm.ts';
import { checkedExtractor } from '../eval/checked-extractor.ts';
import { type Measurement, measureModel } from '../eval/measure.ts';
import { engineExtractor, weightsExtractor } from '../eval/networks.ts';
import { choosePhotos } from '../eval/photos.ts';
import { drawReport } from '../eval/picture.ts';
import type { EvalReport } from '../eval/report.ts';
import { textReport } from '../eval/text-report.ts';
import { openVectorCache } from '../eval/vector-cache.ts';
import { temporaryFolder } from '../model-build/temporary-folder.ts';
import { type Command, required, text, UsageError, type Values, wholeNumber } from './command.ts';
import { exitOnInterrupt } from './exit-on-interrupt.ts';
import { createProgress } from './progress.ts';

const DEFAULT_DIMENSIONS = 256;

export const evaluate: Command = {
  name: 'eval',
  summary: 'Measures a model on photographs: accuracy, retrieval, int8 against float.',
  details: [
    'Takes 100 KB of memory per photograph (25,088 features), twice that with --reference, and 100 KB for each',
    'of --whiten.',
  ],
  usage: 'MODEL_DIR --images FOLDER [options]',
  options: {
    images: { type: 'string', value: 'FOLDER', description: 'photographs, best in one folder per class' },
    classes: {
      type: 'string',
      value: 'FILE',
      description: 'lines of photograph, tab, class, in place of class folders',
    },
    limit: {
      type: 'string',
      value: 'N',
      description: 'measures N photographs, evenly spread (default: all)',
    },
    reference: {
      type: 'string',
      value: 'FILE',
      description: 'the float weights the model was built from, to compare with',
    },
    whiten: {
      type: 'string',
      value: 'FOLDER',
      description: 'other photographs: PCA-whitening is fitted to them and measured as well',
    },
    'whiten-limit': { type: 'string', value: 'N', description: 'fits to N of them (default: all)' },
    dimensions: {
      type: 'string',
      value: 'N',
      description: `values after whitening (default ${DEFAULT_DIMENSIONS})`,
    },
    json: { type: 'string', value: 'FILE', description: 'writes the report as JSON' },
    picture: { type: 'string', value: 'FILE', description: 'draws it as SVG' },
    cache: {
      type: 'string',
      value: 'DIR',
      description: 'keeps the vectors, 140 KB per photograph and network: a broken run goes on from there',
    },
  },
  examples: [
    'vgg-edge eval models/default --images flowers',
    'vgg-edge eval models/mine --images val --reference weights.safetensors --json report.json --picture report.svg',
  ],
  async run(positionals, values) {
    const [directory, ...more] = positionals;
    if (directory === undefined || more.length > 0) {
      throw new UsageError('Expected one model directory to evaluate.');
    }
    const { images, whitening } = await chooseSets(values);
    using _interrupt = exitOnInterrupt();
    await using temporary = await temporaryFolder();
    const cache = text(values, 'cache') ?? temporary.path;
    const opened = await openNetworks(directory, text(values, 'reference'));
    try {
      const report = await measureModel({
        ...opened,
        decoder: await createNodeDecoder(),
        cache: openVectorCache(cache),
        images,
        whitening,
        progress: createProgress().update,
      });
      await writeReport(report, values);
    } finally {
      await opened.model.extractor.close();
      await opened.reference?.extractor.close();
    }
  },
};

/** The photographs first: they are the likeliest to be wrong, and the quickest to look at. */
async function chooseSets(values: Values): Promise<Pick<Measurement, 'images' | 'whitening'>> {
  const folder = required(values, 'images');
  const table = text(values, 'classes');
  const limit = wholeNumber(values, 'limit', { min: 1 });
  const images = {
    ...(await choosePhotos(folder, {
      ...(table === undefined ? {} : { table }),
      ...(limit === undefined ? {} : { limit }),
    })),
    folder,
  };
  const others = text(values, 'whiten');
  if (others === undefined) return { images, whitening: null };
  const fitLimit = wholeNumber(values, 'whiten-limit', { min: 2 });
  const dimensions = wholeNumber(values, 'dimensions', { min: 1 }) ?? DEFAULT_DIMENSIONS;
  const chosen = await choosePhotos(others, fitLimit === undefined ? {} : { limit: fitLimit });
  if (chosen.photos.length <= dimensions) {
    throw new UsageError(
      `Expected more than ${dimensions} photographs to fit ${dimensions} dimensions but found ${chosen.photos.length} in ${others}.`,
    );
  }
  return { images, whitening: { ...chosen, folder: others, dimensions } };
}

async function openNetworks(
  directory: string,
  reference: string | undefined,
): Promise<Pick<Measurement, 'model' | 'reference'>> {
  const files = diskFiles(directory);
  const { manifest, id } = await readManifest(files);
  // Closed with the model's: an engine loads nothing before its first run.
  const wasm = await compileOrtWebWasm();
  const now = () => performance.now();
  const exact = createOrtWebEngine({ manifest, files, wasm, now });
  const native = createNativeEngine({ directory, manifest: { ...manifest, floatGraphs: [] }, now });
  const extractor = checkedExtractor(
    engineExtractor(exact, manifest, id),
    engineExtractor(native, manifest, id),
  );
  return {
    model: { manifest, id, extractor },
    reference:
      reference === undefined
        ? null
        : { name: basename(reference), extractor: await weightsExtractor(reference, manifest) },
  };
}

async function writeReport(report: EvalReport, values: Values): Promise<void> {
  const json = text(values, 'json');
  const picture = text(values, 'picture');
  if (json !== undefined) await writeFile(json, `${JSON.stringify(report, null, 1)}\n`);
  if (picture !== undefined) await writeFile(picture, drawReport(report));
  process.stdout.write(textReport(report));
}
