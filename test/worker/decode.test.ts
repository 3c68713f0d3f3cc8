// The decoders' contract in the Workers' own runtime.

import jpeg from '@cwasm/jpeg-turbo/jpeg-turbo.wasm';
import webp from '@cwasm/webp/webp.wasm';
import { createEdgeDecoder } from '../../engine/edge/decode.ts';
import { testDecoder } from '../engine/decode-contract.ts';

const FOLDER = '../golden/images/';
const dataUris = import.meta.glob<string>('../golden/images/*.{jpg,png,webp,gif,bmp}', {
  query: '?inline',
  import: 'default',
  eager: true,
});

function readGolden(file: string): Uint8Array {
  const dataUri = dataUris[`${FOLDER}${file}`];
  if (dataUri === undefined)
    throw new Error(`Expected the golden image ${file} in the bundle but it is not.`);
  const base64 = dataUri.slice(dataUri.indexOf(',') + 1);
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
}

testDecoder('edge in workerd', () => createEdgeDecoder({ jpeg, webp }), readGolden);
