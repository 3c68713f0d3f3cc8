// The pictures of the Worker's tests, and the app over the bindings, the decoders and the default model
// that the Worker has. Nothing is stored between requests, so that each is computed.

import { env } from 'cloudflare:workers';
import jpegModule from '@cwasm/jpeg-turbo/jpeg-turbo.wasm';
import webpModule from '@cwasm/webp/webp.wasm';
import type { ModelFiles } from '../../core/ports.ts';
import { createEdgeDecoder } from '../../engine/edge/decode.ts';
import catUri from '../../samples/cat.jpg?inline';
import { createAdmission } from '../../worker/admission.ts';
import { createApp } from '../../worker/app.ts';
import { assetFiles } from '../../worker/asset-files.ts';
import { createEngine } from '../../worker/engine.ts';
import { type Limits, readLimits } from '../../worker/limits.ts';
import { type CreateEngine, type ServedModel, serveModel } from '../../worker/served-model.ts';
import onePixelUri from '../golden/images/1x1.png?inline';
import hugeUri from '../golden/images/huge.png?inline';
import webpUri from '../golden/images/lossy.webp?inline';
import gifUri from '../golden/images/picture.gif?inline';
import pngUri from '../golden/images/rgb-8.png?inline';
import truncatedUri from '../golden/images/truncated.jpg?inline';

const bytesOf = (dataUri: string): Uint8Array<ArrayBuffer> =>
  Uint8Array.from(atob(dataUri.slice(dataUri.indexOf(',') + 1)), (character) => character.charCodeAt(0));

/** Photographs and damage, as encoded bytes. */
export const JPEG = bytesOf(catUri);
export const PNG = bytesOf(pngUri);
export const WEBP = bytesOf(webpUri);
export const GIF = bytesOf(gifUri);
export const ONE_PIXEL = bytesOf(onePixelUri);
/** Its header says 65535 × 65535 pixels. */
export const HUGE = bytesOf(hugeUri);
export const TRUNCATED = bytesOf(truncatedUri);
export const ZEROS = new Uint8Array(50_000);

export const JPEG_URI = catUri;

export const base64 = (bytes: Uint8Array): string =>
  btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(''));

const decoder = createEdgeDecoder({ jpeg: jpegModule, webp: webpModule });
const files = assetFiles(env.ASSETS, `/models/${env.MODEL}`);
const now = () => performance.now();

/** Another model over other files, or by another engine. */
export const serve = (
  limits: Limits,
  parts: { readonly files?: ModelFiles; readonly createEngine?: CreateEngine } = {},
): (() => Promise<ServedModel>) => serveModel({ files, createEngine, ...parts, decoder, limits, now });

export const modelFiles = files;
export const limits = readLimits({});

/** One model for all tests that do not interfere with its files. */
const model = serve(limits);

export interface AppOptions {
  readonly limits?: Partial<Limits>;
  readonly model?: () => Promise<ServedModel>;
}

/** The app, and what it reported to its operator. */
export function testApp(options: AppOptions = {}) {
  const changed = { ...limits, ...options.limits };
  const reported: unknown[] = [];
  const app = createApp({
    model: options.model ?? (options.limits === undefined ? model : serve(changed)),
    limits: changed,
    admission: createAdmission(changed),
    now,
    report: (error) => reported.push(error),
  });
  return { app, reported };
}

/** Requests of the app, as a client sends them. */
export function client(options: AppOptions = {}) {
  const { app, reported } = testApp(options);
  return {
    app,
    reported,
    raw: async (path: string, body: BodyInit | null, headers: Record<string, string> = {}) =>
      app.request(path, { method: 'POST', body, headers: { 'content-type': 'image/jpeg', ...headers } }),
    json: async (path: string, body: unknown) =>
      app.request(path, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: typeof body === 'string' ? body : JSON.stringify(body),
      }),
    form: async (path: string, fields: readonly (readonly [string, string | Blob])[]) => {
      const form = new FormData();
      for (const [name, value] of fields) {
        if (typeof value === 'string') form.append(name, value);
        else form.append(name, value, 'picture');
      }
      return app.request(path, { method: 'POST', body: form });
    },
  };
}
