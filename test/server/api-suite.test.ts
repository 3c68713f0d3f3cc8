// The API's suites over an engine whose numbers are known, in Node; test/worker/api-suite.test.ts runs the
// same in the Workers' runtime.

import { createNodeDecoder } from '../../engine/node/decode.ts';
import { testApiAttacks } from '../api/attacks.ts';
import { testApiContract } from '../api/contract.ts';
import { testApiProperties } from '../api/properties.ts';
import { testTooLarge } from '../api/too-large.ts';
import { testApiValues } from '../api/values.ts';

const decoder = await createNodeDecoder();
testApiContract(decoder);
testApiValues(decoder);
testApiAttacks(decoder);
testApiProperties(decoder);
testTooLarge(createNodeDecoder);
