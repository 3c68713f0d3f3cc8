// The default model through the API in the Workers' runtime; the same in Node is
// test/server/default-model.test.ts.

import { testImageErrors } from '../api/image-errors.ts';
import { testImageRoutes } from '../api/image-routes.ts';
import { testOpenAi } from '../api/openai.ts';
import { fixture } from './fixtures.ts';

testImageRoutes(fixture);
testImageErrors(fixture);
testOpenAi(fixture);
