import jpeg from '@cwasm/jpeg-turbo/jpeg-turbo.wasm';
import webp from '@cwasm/webp/webp.wasm';
import { createEdgeDecoder } from '../../engine/edge/decode.ts';
import { testIndexStores } from '../api/index-stores.ts';

testIndexStores(createEdgeDecoder({ jpeg, webp }));
