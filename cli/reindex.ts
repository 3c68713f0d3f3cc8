// vgg-edge reindex: a new index beside the one that an alias names, from the same images by another model,
// layer or projection; the alias moves when the two agree well enough.

import { mkdir } from 'node:fs/promises';
import { resolve } from 'node:path';
import { InputError } from '../core/errors.ts';
import { writing } from '../runner/durable-file.ts';
import { openRecordedSource } from '../runner/open-work.ts';
import { planIndexes } from '../runner/reindex-plan.ts';
import { beginAnew, openState, readState, reindexFolder } from '../runner/reindex-state.ts';
import { lockRun } from '../runner/run-lock.ts';
import { SOURCES } from '../runner/sources/open-source.ts';
import { openStore } from '../search/node/open-store.ts';
import {
  type Command,
  flag,
  onlyArgument,
  required,
  share,
  text,
  type Values,
  wholeNumber,
} from './command.ts';
import { type EmbeddingModel, openEmbeddingModel } from './embedding-model.ts';
import { DEFAULT_MODEL, DESCRIPTOR_OPTIONS, readDescriptor, readDimensions } from './photo-embedder.ts';
import { PLACES } from './photo-index.ts';
import { build, compare, dropOld, isMoved, moveAlias, type ReindexSession } from './reindex-session.ts';
import { readSource, SOURCE_OPTIONS } from './source-options.ts';
import { stopOnInterrupt } from './stop-on-interrupt.ts';

export const reindex: Command = {
  name: 'reindex',
  summary: 'Builds an index anew beside the one an alias names, compares them, and moves the alias.',
  usage: 'ALIAS --in PLACE --from SOURCE --out DIR [options]',
  options: {
    in: { type: 'string', value: 'PLACE', description: PLACES },
    from: { type: 'string', value: 'SOURCE', description: `the images: ${SOURCES}` },
    out: { type: 'string', value: 'DIR', description: 'how far it has come, the failures and the report' },
    before: { type: 'string', value: 'INDEX', description: 'the old index, where there is no alias yet' },
    after: { type: 'string', value: 'INDEX', description: 'the new index (default: the next free ALIAS-N)' },
    ...SOURCE_OPTIONS,
    ...DESCRIPTOR_OPTIONS,
    engine: { type: 'string', value: 'ENGINE', description: 'as for vgg-edge embed (default auto)' },
    threads: { type: 'string', value: 'N', description: 'threads that decode (default: one per core)' },
    'max-failure-rate': {
      type: 'string',
      value: 'SHARE',
      description: 'stops when more than this share of the images fails, 0…1 (default 0.01)',
    },
    'retry-failed': {
      type: 'boolean',
      description: 'tries images again that failed: once you have mended what was wrong',
    },
    queries: { type: 'string', value: 'N', description: 'items to compare the answers of (default 100)' },
    'top-k': { type: 'string', value: 'N', description: 'hits compared of each (default 10)' },
    'min-overlap': {
      type: 'string',
      value: 'SHARE',
      description: 'of these hits both must have in common on average, 0…1 (default 0.5)',
    },
    'allow-missing': { type: 'boolean', description: 'even if items of the old index are not in SOURCE' },
    'keep-alias': { type: 'boolean', description: 'builds and compares, and leaves the alias where it is' },
    'drop-old': { type: 'boolean', description: 'deletes the old index once the alias has moved' },
  },
  examples: [
    'vgg-edge reindex photos --in indexes --from photos/ --model models/new --out reindex-1',
    'vgg-edge reindex photos --in http://127.0.0.1:8787 --from photos/ --dimensions 256 --out reindex-2',
    'vgg-edge reindex live --before photos --in qdrant:http://127.0.0.1:6333 --from s3://bucket/photos --out r',
  ],
  async run(positionals, values) {
    const alias = onlyArgument(positionals, 'an alias');
    const images = readSource(required(values, 'from'), values);
    const folder = reindexFolder(resolve(required(values, 'out')));
    const settings = readSettings(values);
    const { model, space } = await openModel(values);
    const store = await openStore(required(values, 'in'));
    const interrupt = stopOnInterrupt(() => console.error('Stopping after this batch …'));
    const source = await openRecordedSource(images);
    try {
      const names = await planIndexes(store, alias, {
        before: text(values, 'before'),
        after: text(values, 'after'),
        state: await readState(folder),
      });
      await writing(folder.path, () => mkdir(folder.path, { recursive: true }));
      const lock = await lockRun(folder.path);
      try {
        const state = await openState(folder, { alias, ...names, ...images, space });
        const signal = AbortSignal.any([interrupt.signal, lock.signal]);
        await run({ ...settings, store, source, model, folder, state, signal }, values);
      } finally {
        await lock.release();
      }
    } finally {
      interrupt.release();
      await source.close();
      await store.close();
    }
  },
};

async function run(session: ReindexSession, values: Values): Promise<void> {
  const { store, state } = session;
  if (await isMoved(store, state)) {
    console.log(`${state.alias} names ${state.after} already. Another --out builds the next.`);
  } else {
    const again = flag(values, 'retry-failed') && state.failed > 0;
    const begun = again ? { ...session, state: await beginAnew(session.folder, state) } : session;
    const against = await compare(begun, await build(begun));
    if (against.length > 0) {
      throw new InputError(
        'invalid_argument',
        `${state.alias} still names what it did; ${state.after} stays beside it. Against it: ${against.join(' ')}`,
      );
    }
    if (flag(values, 'keep-alias')) {
      console.log('Nothing speaks against it. Run again without --keep-alias to move the alias.');
      return;
    }
    await moveAlias(session, flag(values, 'drop-old'));
  }
  if (flag(values, 'drop-old')) await dropOld(session);
}

function readSettings(values: Values) {
  return {
    engine: text(values, 'engine') ?? 'auto',
    threads: wholeNumber(values, 'threads', { min: 1, max: 1024 }),
    maxFailureRate: share(values, 'max-failure-rate', 0.01),
    queries: wholeNumber(values, 'queries', { min: 1, max: 10_000 }) ?? 100,
    topK: wholeNumber(values, 'top-k', { min: 1, max: 500 }) ?? 10,
    minOverlap: share(values, 'min-overlap', 0.5),
    allowMissing: flag(values, 'allow-missing'),
  };
}

async function openModel(values: Values) {
  const model: EmbeddingModel = await openEmbeddingModel(
    text(values, 'model') ?? DEFAULT_MODEL,
    (manifest) => ({
      ...readDescriptor(values, manifest),
      normalize: true,
      dimensions: readDimensions(values),
    }),
  );
  return { model, space: model.describer.space(model.id) };
}
