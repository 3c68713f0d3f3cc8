// What Node's onnxruntime-web gives (test/engine/default-features.test.ts), the Workers' runtime gives:
// by onnxruntime-web, and by the engine that is served.

import { expect, test } from 'vitest';
import { createEngine as createOrtWebEngine } from '../../engine/edge/bundled-engine.ts';
import { createEngine } from '../../worker/engine.ts';
import { embeddingsAnswer } from '../../worker/schemas/embeddings.ts';
import golden from '../golden/default-features.json' with { type: 'json' };
import { fixture } from './fixtures.ts';

const { client, pictures, serve } = fixture;

test.each([
  ['onnxruntime-web', createOrtWebEngine],
  ['the engine that is served', createEngine],
])('%s gives the golden features of the default model, bit for bit', async (_, create) => {
  const { raw } = client({ model: serve({ createEngine: create }) });
  const response = await raw('/v1/embeddings?normalize=false&encoding_format=base64', pictures.jpeg);
  const { model, data } = embeddingsAnswer.parse(await response.json());
  const bytes = Uint8Array.from(atob(String(data[0]?.embedding)), (byte) => byte.charCodeAt(0));
  const digest = new Uint8Array(await crypto.subtle.digest('SHA-256', bytes));
  const sha256 = Array.from(digest, (byte) => byte.toString(16).padStart(2, '0')).join('');
  expect({ model, sha256 }).toEqual({ model: golden.model, sha256: golden.sha256 });
});
