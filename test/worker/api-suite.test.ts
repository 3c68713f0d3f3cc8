// The API's suites over an engine whose numbers are known, in the Workers' runtime; the same in Node is
// test/server/api-suite.test.ts.

import jpeg from '@cwasm/jpeg-turbo/jpeg-turbo.wasm';
import webp from '@cwasm/webp/webp.wasm';
import { createEdgeDecoder } from '../../engine/edge/decode.ts';
import { testApiAttacks } from '../api/attacks.ts';
import { testApiContract } from '../api/contract.ts';
import { testApiProperties } from '../api/properties.ts';
import { testTooLarge } from '../api/too-large.ts';
import { testApiValues } from '../api/values.ts';

const decoder = createEdgeDecoder({ jpeg, webp });
testApiContract(decoder);
testApiValues(decoder);
testApiAttacks(decoder);
testApiProperties(decoder);
testTooLarge((maxBytes) => createEdgeDecoder({ jpeg, webp }, () => maxBytes));
