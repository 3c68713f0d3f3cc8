// The default model through the API in Node, with its own decoders and our kernel; the same in the Workers'
// runtime is test/worker/default-model.test.ts.

import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createNodeDecoder } from '../../engine/node/decode.ts';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { nodeEngine } from '../../server/node-engines.ts';
import { testImageErrors } from '../api/image-errors.ts';
import { testImageRoutes } from '../api/image-routes.ts';
import { createModelFixture } from '../api/model-fixture.ts';
import { testOpenAi } from '../api/openai.ts';
import { DEFAULT_MODEL } from '../engine/default-features.ts';
import { readGolden } from '../engine/golden-images.ts';

const golden = (file: string) => new Uint8Array(readGolden(file));

const fixture = createModelFixture({
  files: diskFiles(DEFAULT_MODEL),
  createEngine: await nodeEngine('winograd', DEFAULT_MODEL),
  decoder: await createNodeDecoder(),
  pictures: {
    jpeg: new Uint8Array(readFileSync(join(import.meta.dirname, '../../samples/cat.jpg'))),
    png: golden('rgb-8.png'),
    webp: golden('lossy.webp'),
    gif: golden('picture.gif'),
    onePixel: golden('1x1.png'),
    huge: golden('huge.png'),
    truncated: golden('truncated.jpg'),
  },
});

testImageRoutes(fixture);
testImageErrors(fixture);
testOpenAi(fixture);
