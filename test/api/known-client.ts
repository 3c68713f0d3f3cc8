// A client of the app over an engine whose numbers are known, and the pictures that the suites of values send.

import type { ImageDecoder } from '../../core/ports.ts';
import type { EmbeddingsAnswer } from '../../worker/schemas/embeddings.ts';
import { createFixture, type FixtureOptions } from './fixture.ts';
import { base64 } from './images.ts';
import { BLUE, halves, imageOf, RED } from './png.ts';

export const red = imageOf(RED);
export const blue = imageOf(BLUE);
/** Its left half is red, its right one blue. */
export const photo = base64(halves(RED, BLUE));

export type Client = ReturnType<typeof clientOf>;

/** Posts JSON and gives the response; `headers` beside the content type. */
export function clientOf(decoder: ImageDecoder) {
  return async (options: FixtureOptions = {}) => {
    const { app, reported } = await createFixture(decoder, options);
    const post = async (path: string, body: object, headers: Record<string, string> = {}) =>
      app.request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json', ...headers },
        body: JSON.stringify(body),
      });
    const embed = async (body: object) =>
      (await (await post('/v1/embeddings', body)).json()) as EmbeddingsAnswer;
    return { app, post, embed, reported };
  };
}
