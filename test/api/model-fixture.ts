// The app over the default model, with each runtime's own files, engine and decoders. Nothing is stored
// between requests, so that each is computed.

import type { ImageDecoder, ModelFiles } from '../../core/ports.ts';
import { createAdmission } from '../../worker/admission.ts';
import { type ApiApp, createApp } from '../../worker/app.ts';
import { type Limits, readLimits } from '../../worker/limits.ts';
import { type CreateEngine, type ServedModel, serveModel } from '../../worker/served-model.ts';

/** Whatever a request may have for its body; the two runtimes' types have no common name for it. */
export type RequestBody = NonNullable<RequestInit['body']>;

/** Photographs and damage, as encoded bytes. */
export interface Pictures {
  readonly jpeg: Uint8Array<ArrayBuffer>;
  readonly png: Uint8Array<ArrayBuffer>;
  readonly webp: Uint8Array<ArrayBuffer>;
  readonly gif: Uint8Array<ArrayBuffer>;
  readonly onePixel: Uint8Array<ArrayBuffer>;
  /** Its header says 65535 × 65535 pixels. */
  readonly huge: Uint8Array<ArrayBuffer>;
  readonly truncated: Uint8Array<ArrayBuffer>;
}

export interface ModelParts {
  readonly files: ModelFiles;
  readonly createEngine: CreateEngine;
  readonly decoder: ImageDecoder;
  readonly pictures: Pictures;
}

export interface AppOptions {
  readonly limits?: Partial<Limits>;
  readonly model?: () => Promise<ServedModel>;
}

/** The app, and what it reported to its operator. */
export interface TestApp {
  readonly app: ApiApp;
  readonly reported: readonly unknown[];
}

/** Requests of the app, as a client sends them. */
export interface TestClient extends TestApp {
  raw(path: string, body: RequestBody | null, headers?: Record<string, string>): Promise<Response>;
  json(path: string, body: unknown): Promise<Response>;
  form(path: string, fields: readonly (readonly [string, string | Blob])[]): Promise<Response>;
}

export interface ModelFixture {
  readonly pictures: Pictures;
  readonly files: ModelFiles;
  readonly limits: Limits;
  /** Another model over other files, or by another engine. */
  serve(parts?: { files?: ModelFiles; createEngine?: CreateEngine }): () => Promise<ServedModel>;
  testApp(options?: AppOptions): TestApp;
  client(options?: AppOptions): TestClient;
}

/** Node asks for it where the body is a stream; the Workers' types do not know it. */
const STREAMED = { duplex: 'half' } as const;

export function createModelFixture({ files, createEngine, decoder, pictures }: ModelParts): ModelFixture {
  const now = () => performance.now();
  const limits = readLimits({});
  const serveWith = (changed: Limits, parts: { files?: ModelFiles; createEngine?: CreateEngine } = {}) =>
    serveModel({ files, createEngine, ...parts, decoder, limits: changed, batchSize: 1, now });
  /** One model for all tests that do not interfere with its files. */
  const model = serveWith(limits);

  const testApp: ModelFixture['testApp'] = (options = {}) => {
    const changed = { ...limits, ...options.limits };
    const reported: unknown[] = [];
    const app = createApp({
      model: options.model ?? (options.limits === undefined ? model : serveWith(changed)),
      limits: changed,
      admission: createAdmission(changed),
      now,
      report: (error) => reported.push(error),
    });
    return { app, reported };
  };
  return {
    pictures,
    files,
    limits,
    serve: (parts) => serveWith(limits, parts),
    testApp,
    client(options) {
      const { app, reported } = testApp(options);
      return {
        app,
        reported,
        raw: async (path, body, headers = {}) =>
          app.request(path, {
            method: 'POST',
            body,
            headers: { 'content-type': 'image/jpeg', ...headers },
            ...STREAMED,
          }),
        json: async (path, body) =>
          app.request(path, {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: typeof body === 'string' ? body : JSON.stringify(body),
          }),
        async form(path, fields) {
          const form = new FormData();
          for (const [name, value] of fields) {
            if (typeof value === 'string') form.append(name, value);
            else form.append(name, value, 'picture');
          }
          return app.request(path, { method: 'POST', body: form });
        },
      };
    },
  };
}
