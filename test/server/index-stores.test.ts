import { createNodeDecoder } from '../../engine/node/decode.ts';
import { testIndexStores } from '../api/index-stores.ts';

testIndexStores(await createNodeDecoder());
