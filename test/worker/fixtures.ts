// The fixture of test/api/model-fixture.ts with the bindings, the decoders and the default model that the
// Worker has.

import { env } from 'cloudflare:workers';
import jpegModule from '@cwasm/jpeg-turbo/jpeg-turbo.wasm';
import webpModule from '@cwasm/webp/webp.wasm';
import { createEdgeDecoder } from '../../engine/edge/decode.ts';
import jpegUri from '../../samples/cat.jpg?inline';
import { assetFiles } from '../../worker/asset-files.ts';
import { createEngine } from '../../worker/engine.ts';
import { createModelFixture } from '../api/model-fixture.ts';
import onePixelUri from '../golden/images/1x1.png?inline';
import hugeUri from '../golden/images/huge.png?inline';
import webpUri from '../golden/images/lossy.webp?inline';
import gifUri from '../golden/images/picture.gif?inline';
import pngUri from '../golden/images/rgb-8.png?inline';
import truncatedUri from '../golden/images/truncated.jpg?inline';

const bytesOf = (dataUri: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(dataUri.slice(dataUri.indexOf(',') + 1)), (character) => character.charCodeAt(0));

export const fixture = createModelFixture({
  files: assetFiles(env.ASSETS, `/models/${env.MODEL}`),
  createEngine,
  decoder: createEdgeDecoder({ jpeg: jpegModule, webp: webpModule }),
  pictures: {
    jpeg: bytesOf(jpegUri),
    png: bytesOf(pngUri),
    webp: bytesOf(webpUri),
    gif: bytesOf(gifUri),
    onePixel: bytesOf(onePixelUri),
    huge: bytesOf(hugeUri),
    truncated: bytesOf(truncatedUri),
  },
});
