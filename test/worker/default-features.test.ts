import { expect, test } from 'vitest';
import { embeddingsAnswer } from '../../worker/schemas/embeddings.ts';
import golden from '../golden/default-features.json' with { type: 'json' };
import { client, JPEG } from './fixtures.ts';

test('the default model gives the golden features in the Workers runtime, bit for bit', async () => {
  const { raw } = client();
  const response = await raw('/v1/embeddings?normalize=false&encoding_format=base64', JPEG);
  const { model, data } = embeddingsAnswer.parse(await response.json());
  const bytes = Uint8Array.from(atob(String(data[0]?.embedding)), (byte) => byte.charCodeAt(0));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  expect({ model, sha256 }).toEqual({ model: golden.model, sha256: golden.sha256 });
});
