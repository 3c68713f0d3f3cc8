// vgg-edge serve: the HTTP API in Node.

import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { SourceError } from '../core/errors.ts';
import { openStore, STORES } from '../search/node/open-store.ts';
import { NODE_ENGINES } from '../server/node-engines.ts';
import { startNodeServer } from '../server/node-server.ts';
import { type Command, text, UsageError, wholeNumber } from './command.ts';
import { DEFAULT_MODEL } from './photo-embedder.ts';
import { stopOnInterrupt } from './stop-on-interrupt.ts';

/** Where `npm run build:web` puts the page. */
const PAGE = join(import.meta.dirname, '../dist/assets/web');

export const serve: Command = {
  name: 'serve',
  summary: 'Serves the HTTP API of a model directory in Node.',
  usage: '[MODEL_DIR] [options]',
  options: {
    host: { type: 'string', value: 'ADDRESS', description: 'address to listen at (default 127.0.0.1)' },
    port: { type: 'string', value: 'N', description: 'port (default 8787)' },
    keys: {
      type: 'string',
      value: 'FILE',
      description: "API keys, a line of 'vgg-edge key' each; needed where others can reach the address",
    },
    engine: {
      type: 'string',
      value: 'NAME',
      description: `one of ${NODE_ENGINES.join(', ')} (default winograd: the same vectors as at the edge)`,
    },
    indexes: { type: 'string', value: 'PLACE', description: `keeps /v1/indexes there: ${STORES}` },
    batch: { type: 'string', value: 'N', description: 'most images in one run of the engine (default 16)' },
    grace: {
      type: 'string',
      value: 'SECONDS',
      description: 'time for work in flight at the end (default 30)',
    },
  },
  examples: [
    'vgg-edge serve models/default --indexes indexes',
    'vgg-edge serve models/mine --host 0.0.0.0 --keys keys',
    'MAX_IMAGES=64 ALLOWED_IMAGE_HOSTS=images.example.org vgg-edge serve',
  ],
  async run([model = DEFAULT_MODEL, ...rest], values) {
    if (rest.length > 0) throw new UsageError('Expected one model directory to serve.');
    const keys = text(values, 'keys');
    const wanted = text(values, 'engine') ?? 'winograd';
    const engine = NODE_ENGINES.find((name) => name === wanted);
    if (engine === undefined) {
      throw new UsageError(`Expected one of ${NODE_ENGINES.join(', ')} for --engine but found '${wanted}'.`);
    }
    const grace = wholeNumber(values, 'grace', { max: 3600 }) ?? 30;
    const place = text(values, 'indexes');
    const indexes = place === undefined ? undefined : await openStore(place);
    const server = await startNodeServer({
      model,
      engine,
      host: text(values, 'host') ?? '127.0.0.1',
      port: wholeNumber(values, 'port', { max: 65_535 }) ?? 8787,
      keys,
      page: existsSync(PAGE) ? PAGE : undefined,
      indexes,
      maxBatch: wholeNumber(values, 'batch', { min: 1, max: 1024 }) ?? 16,
      grace: grace * 1000,
      variables: process.env,
      log: (line) => console.log(line),
    });
    console.error(`vgg-edge serves ${model} at ${server.url}`);
    if (keys === undefined) {
      console.error(
        'Without --keys it answers requests from this machine only. A proxy that adds no header of its own is not recognised: use --keys behind one.',
      );
    }
    await new Promise<void>((resolve) => {
      stopOnInterrupt(resolve);
    });
    console.error('Stopping: finishing what is in work. Once more to stop at once.');
    const finished = await server.stop();
    await indexes?.close();
    if (!finished) {
      throw new SourceError(
        'overloaded',
        `Expected all work to be finished ${grace} s after the stop (--grace).`,
      );
    }
  },
};
