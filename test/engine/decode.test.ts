import { createEdgeDecoder } from '../../engine/edge/decode.ts';
import { createNodeDecoder } from '../../engine/node/decode.ts';
import { testDecoder } from './decode-contract.ts';
import { readGolden } from './golden-images.ts';
import { decoderModules } from './modules.ts';

testDecoder('edge', () => createEdgeDecoder(decoderModules()), readGolden);
testDecoder('Node', () => createNodeDecoder(), readGolden);
