// OpenAI's own client against the API: only its base URL is changed.

import OpenAI, { NotFoundError, UnprocessableEntityError } from 'openai';
import { expect, test } from 'vitest';
import { JPEG_URI, testApp } from './fixtures.ts';

const { app } = testApp();
const client = new OpenAI({
  baseURL: 'http://localhost/v1',
  apiKey: 'none',
  maxRetries: 0,
  fetch: async (url, init) => app.fetch(new Request(url, init)),
});

test('embeddings, in base64 as it asks by default and in numbers, are the same vector', async () => {
  const byDefault = await client.embeddings.create({ model: 'default', input: JPEG_URI });
  const asNumbers = await client.embeddings.create({
    model: 'default',
    input: [JPEG_URI],
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
  const other = client.embeddings.create({ model: 'text-embedding-3-small', input: JPEG_URI });
  await expect(other).rejects.toThrow(NotFoundError);
});
