// JSON `input` → image sources: data URIs, base64, https URLs, `{ "image": … }`, or a list of these.

import type { CropBox } from '../core/crop-box.ts';
import type { ImageSource } from '../core/embedder.ts';
import { fromBase64 } from '../core/encodings.ts';
import { InputError } from '../core/errors.ts';
import { type ReadUrl, urlReader } from '../net/url-image.ts';
import type { AppDependencies } from './dependencies.ts';
import type { Limits } from './limits.ts';
import { parseOptions } from './parse-options.ts';
import { imageObject } from './schemas/input.ts';

const DATA_URI = /^data:([^,]{0,128}),/i;

export interface InputReading {
  readonly limits: Limits;
  /** Without it image URLs are refused. */
  readonly readUrl: ReadUrl | undefined;
}

/** As a deployment reads what one request brings. */
export function inputReading({
  limits,
  urlImages,
  now,
}: Pick<AppDependencies, 'limits' | 'urlImages' | 'now'>): InputReading {
  return {
    limits,
    readUrl: urlImages === undefined ? undefined : urlReader(urlImages, limits.maxBodyBytes, now),
  };
}

/** One source per image, in order. `crop` holds for items without their own. Throws InputError for a list of a wrong length. */
export function imageSources(
  input: unknown,
  crop: CropBox | undefined,
  reading: InputReading,
): ImageSource[] {
  if (input === undefined) {
    throw new InputError('invalid_option', 'Expected an image, as data URI or base64, for input.', {
      param: 'input',
    });
  }
  if (!Array.isArray(input)) return [imageSource(input, 'input', reading, crop)];
  checkCount(input.length, reading.limits, 'input');
  return input.map((item, index) => imageSource(item, `input[${index}]`, reading, crop));
}

/** What is wrong with the item is thrown when it is read, and fails that image alone; `param` names it. */
export function imageSource(
  item: unknown,
  param: string,
  { limits, readUrl }: InputReading,
  crop?: CropBox,
): ImageSource {
  const object = imageObject.safeParse(item);
  return { read: async () => imageBytes(item, param, limits, readUrl), crop: object.data?.crop ?? crop };
}

/** Throws InputError unless a request has between one image and as many as are allowed. */
export function checkCount(count: number, { maxImages }: Limits, param: string): void {
  if (count < 1 || count > maxImages) {
    throw new InputError(
      'invalid_option',
      `Expected 1 to ${maxImages} images for ${param} but found ${count}.`,
      { param },
    );
  }
}

function imageBytes(
  item: unknown,
  param: string,
  { maxImageBytes }: Limits,
  readUrl: ReadUrl | undefined,
): Uint8Array | Promise<Uint8Array> {
  const text = imageText(item, param);
  if (/^[a-z][a-z0-9+.-]*:/i.test(text) && !/^data:/i.test(text)) {
    if (readUrl !== undefined) return readUrl(text);
    throw new InputError(
      'url_not_allowed',
      `Expected a data URI or base64 for ${param} but found a URL. Images are not fetched from URLs here: send their bytes.`,
      { param },
    );
  }
  const uri = DATA_URI.exec(text);
  if (uri !== null && !/;base64$/i.test(uri[1] ?? '')) {
    throw new InputError('invalid_option', `Expected a data URI with ';base64' for ${param}.`, { param });
  }
  const base64 = uri === null ? text : text.slice(uri[0].length);
  if (base64.length * 0.75 > maxImageBytes + 2) {
    throw new InputError(
      'image_too_large',
      `Expected at most ${maxImageBytes} bytes for ${param} but found about ${Math.floor(base64.length * 0.75)}.`,
      { param },
    );
  }
  return fromBase64(base64, param);
}

function imageText(item: unknown, param: string): string {
  if (typeof item === 'string' && item !== '') return item;
  if (typeof item === 'object' && item !== null && !Array.isArray(item)) {
    return parseOptions(imageObject, { ...item }, param).image;
  }
  const found =
    item === null
      ? 'null'
      : Array.isArray(item)
        ? 'a list'
        : item === ''
          ? 'an empty text'
          : `a ${typeof item}`;
  throw new InputError(
    'invalid_option',
    `Expected a data URI, base64 or {"image": …} for ${param} but found ${found}.`,
    { param },
  );
}
