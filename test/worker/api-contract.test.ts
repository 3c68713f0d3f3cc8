import jpeg from '@cwasm/jpeg-turbo/jpeg-turbo.wasm';
import webp from '@cwasm/webp/webp.wasm';
import { createEdgeDecoder } from '../../engine/edge/decode.ts';
import { testApiContract } from '../api/contract.ts';

testApiContract(createEdgeDecoder({ jpeg, webp }));
