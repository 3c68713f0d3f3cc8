// OpenAI's own client against the API: only its base URL is changed. Run in every runtime.

import OpenAI, { NotFoundError, UnprocessableEntityError } from 'openai';
import { expect, test } from 'vitest';
import { base64 } from './images.ts';
import type { ModelFixture } from './model-fixture.ts';

export function testOpenAi({ pictures, testApp }: ModelFixture): void {
  const jpegUri = `data:image/jpeg;base64,${base64(pictures.jpeg)}`;
  const { app } = testApp();
  const client = new OpenAI({
    baseURL: 'http://localhost/v1',
    apiKey: 'none',
    maxRetries: 0,
    fetch: async (url, init) => app.fetch(new Request(url, init)),
  });

  test('embeddings, in base64 as it asks by default and in numbers, are the same vector', async () => {
    const byDefault = await client.embeddings.create({ model: 'default', input: jpegUri });
    const asNumbers = await client.embeddings.create({
      model: 'default',
      input: [jpegUri],
      encoding_format: 'float',
    });
    expect(byDefault.data[0]?.embedding).toHaveLength(25088);
    expect(byDefault.data[0]?.embedding).toEqual(
      asNumbers.data[0]?.embedding.map((value) => Math.fround(value)),
    );
    expect(byDefault.usage).toEqual({ prompt_tokens: 0, total_tokens: 0 });
  });

  test('models', async () => {
    const models = [];
    for await (const model of client.models.list()) models.push(model);
    expect(models.map(({ object }) => object)).toEqual(['model']);
    const [listed] = models;
    expect(await client.models.retrieve('default')).toMatchObject({ id: listed?.id, object: 'model' });
  });

  test('errors are raised as its own types', async () => {
    const text = client.embeddings.create({ model: 'default', input: 'a photo of a cat' });
    await expect(text).rejects.toThrow(UnprocessableEntityError);
    await expect(text).rejects.toMatchObject({ code: 'invalid_option', param: 'input' });
    const other = client.embeddings.create({ model: 'text-embedding-3-small', input: jpegUri });
    await expect(other).rejects.toThrow(NotFoundError);
  });
}
