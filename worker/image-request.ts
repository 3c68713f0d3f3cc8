// The three ways an image comes in: as the body itself, in a form, or inside JSON → sources and options.

import type * as z from 'zod';
import type { ImageSource } from '../core/embedder.ts';
import { InputError } from '../core/errors.ts';
import { releaseBytes } from '../core/release-bytes.ts';
import type { ReadUrl } from '../net/url-image.ts';
import { checkCount, imageSources } from './image-input.ts';
import type { Limits } from './limits.ts';
import { joinOptions, parseOptions, textOptions } from './parse-options.ts';
import { checkDeclared, readBody } from './read-body.ts';
import { readForm } from './read-form.ts';
import { mediaType, parseJsonObject } from './read-json.ts';
import type { RequestFacts } from './request-facts.ts';
import type { classifyOptions } from './schemas/classify.ts';

export interface ImageRequest<Options> {
  readonly images: readonly ImageSource[];
  readonly options: Options;
}

/** What the options of every image route have in common. */
export type ImageOptionsSchema = z.ZodObject<Pick<typeof classifyOptions.shape, 'crop' | 'model' | 'user'>>;

type BodyKind = 'image' | 'form' | 'json';

/** What can be said before the body is read. Throws InputError: 413, 415. */
export function checkHead(request: Request, limits: Limits): BodyKind {
  const kind = bodyKind(request.headers.get('content-type') ?? '');
  checkDeclared(request, bodyLimits(kind, limits));
  return kind;
}

export interface RequestReading {
  readonly limits: Limits;
  /** Without it image URLs are refused. */
  readonly readUrl: ReadUrl | undefined;
  readonly facts: RequestFacts;
}

/** Reads and understands the request. Images are decoded later, each on its own. Throws InputError. */
export async function readImageRequest<Schema extends ImageOptionsSchema>(
  request: Request,
  schema: Schema,
  { limits, readUrl, facts }: RequestReading,
): Promise<ImageRequest<z.output<Schema>>> {
  const kind = checkHead(request, limits);
  const query = textOptions(new URL(request.url).searchParams, schema);
  if (kind === 'image') {
    const options = parseOptions(schema, query);
    const bytes = await readBody(request, bodyLimits(kind, limits), facts);
    return { images: [{ read: () => bytes, crop: options.crop }], options };
  }
  const body = await readBody(request, bodyLimits(kind, limits), facts);
  if (kind === 'form') {
    const type = request.headers.get('content-type') ?? '';
    const { files, fields } = await readForm(body, type, { schema, limits }).finally(() =>
      releaseBytes(body),
    );
    const options = parseOptions(schema, joinOptions(query, fields));
    checkCount(files.length, limits, 'image');
    const images = files.map((file) => ({
      read: async () => new Uint8Array(await file.arrayBuffer()),
      crop: options.crop,
    }));
    return { images, options };
  }
  const { input, ...fields } = parseJsonObject(body);
  releaseBytes(body);
  const options = parseOptions(schema, joinOptions(query, fields));
  return { images: imageSources(input, options.crop, { limits, readUrl }), options };
}

export function bodyLimits(kind: BodyKind, { maxBodyBytes, maxImageBytes, bodyTimeout }: Limits) {
  const maxBytes = kind === 'image' ? Math.min(maxBodyBytes, maxImageBytes) : maxBodyBytes;
  return { maxBytes, timeout: bodyTimeout };
}

/** Whether the body is an image itself. */
export function isImageType(contentType = ''): boolean {
  const type = mediaType(contentType);
  return type.startsWith('image/') || type === 'application/octet-stream';
}

function bodyKind(contentType: string): BodyKind {
  const type = mediaType(contentType);
  if (isImageType(type)) return 'image';
  if (type === 'multipart/form-data') return 'form';
  if (type === 'application/json') return 'json';
  throw new InputError(
    'unsupported_media_type',
    `Expected image/*, multipart/form-data or application/json for content-type but found '${type}'.`,
    { param: 'content-type' },
  );
}
