// The fixture of test/api with Node's decoders.

import { createNodeDecoder } from '../../engine/node/decode.ts';
import { type FixtureOptions, createFixture as fixtureWith } from '../api/fixture.ts';

export { type FixtureOptions, filesOf, knownEngine, MODEL_ID, TAP_SHAPES } from '../api/fixture.ts';

export async function createFixture(options?: FixtureOptions) {
  return fixtureWith(await createNodeDecoder(), options);
}
