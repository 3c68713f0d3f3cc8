import { createNodeDecoder } from '../../engine/node/decode.ts';
import { testApiContract } from '../api/contract.ts';

testApiContract(await createNodeDecoder());
