// vgg-edge agreement: the same photographs through the edge's engine and the runner's.

import { cpus } from 'node:os';
import { type AgreementMeasurement, withMeasurement } from '../core/agreement.ts';
import { ModelError } from '../core/errors.ts';
import { readManifest } from '../engine/model-file.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { measureAgreement } from '../eval/agreement.ts';
import { choosePhotos } from '../eval/photos.ts';
import { openVectorCache } from '../eval/vector-cache.ts';
import { temporaryFolder } from '../model-build/temporary-folder.ts';
import type { Choice } from '../runner/engines/choose.ts';
import { agreementTable, readAgreement, writeAgreement } from './agreement-record.ts';
import { type Command, flag, required, text, UsageError, wholeNumber } from './command.ts';
import { openModelEngine } from './embedding-model.ts';
import { exitOnInterrupt } from './exit-on-interrupt.ts';
import { DEFAULT_MODEL } from './photo-embedder.ts';
import { createProgress } from './progress.ts';

/** What gives other bits than the edge, in the order in which it is tried. */
const FLOAT_ENGINES = ['cuda', 'webgpu', 'onnxruntime-cpu:fp32'];

export const agreement: Command = {
  name: 'agreement',
  summary: 'Compares the vectors of the edge with those of the batch runner, on photographs.',
  usage: '[MODEL_DIR] --images FOLDER [options]',
  options: {
    images: { type: 'string', value: 'FOLDER', description: 'photographs not calibrated with' },
    engine: {
      type: 'string',
      value: 'ENGINE',
      description: 'of the runner, as for embed (default: a GPU, else onnxruntime-cpu:fp32)',
    },
    limit: {
      type: 'string',
      value: 'N',
      description: 'measures N photographs, evenly spread (default: all)',
    },
    record: {
      type: 'boolean',
      description: 'writes the figures to agreement.json in the model directory; its id stays',
    },
  },
  examples: [
    'vgg-edge agreement models/default --images photos',
    'vgg-edge agreement models/default --images photos --engine webgpu --record',
  ],
  async run([directory = DEFAULT_MODEL, ...rest], values) {
    if (rest.length > 0) throw new UsageError('Expected one model directory.');
    using _interrupt = exitOnInterrupt();
    const limit = wholeNumber(values, 'limit', { min: 2 });
    const { photos } = await choosePhotos(required(values, 'images'), limit === undefined ? {} : { limit });
    const { manifest, id } = await readManifest(diskFiles(directory));
    const taps = manifest.taps.map(({ name }) => name);
    const open = (wanted: string) => openModelEngine(wanted, { directory, manifest, taps });
    const wanted = text(values, 'engine');
    const runner = await firstThatOpens(wanted === undefined ? FLOAT_ENGINES : [wanted], open);
    const edge = await open('winograd');
    await using folder = await temporaryFolder();
    try {
      console.error(`Runner: ${runner.reason}`);
      const progress = createProgress();
      const { failed, ...figures } = await measureAgreement({
        manifest,
        id,
        edge: edge.engine,
        runner: runner.engine,
        decoder: await createNodeDecoder(),
        cache: openVectorCache(folder.path),
        photos,
        progress: (done) => progress.update('photographs', done, photos.length),
      });
      const measurement: AgreementMeasurement = { runner: runner.id, machine: machine(), ...figures };
      console.log(`${id}\n\n${agreementTable([measurement])}`);
      for (const { name, reason } of failed) console.error(`${name} was left out: ${reason}`);
      if (flag(values, 'record')) {
        const record = withMeasurement(await readAgreement(directory), id, measurement);
        console.error(`Written to ${await writeAgreement(directory, record)}`);
      }
    } finally {
      await runner.engine.dispose();
      await edge.engine.dispose();
    }
  },
};

/** Throws what the last of them throws. */
async function firstThatOpens(
  wanted: readonly string[],
  open: (wanted: string) => Promise<Choice>,
): Promise<Choice> {
  const [first = '', ...others] = wanted;
  try {
    return await open(first);
  } catch (error) {
    if (others.length === 0 || !(error instanceof ModelError)) throw error;
    console.error(`${first} is not used: ${error.message}`);
    return await firstThatOpens(others, open);
  }
}

function machine(): string {
  const processors = cpus();
  return `${processors[0]?.model ?? 'unknown processor'}, ${processors.length} cores, ${process.platform} ${process.arch}`;
}
