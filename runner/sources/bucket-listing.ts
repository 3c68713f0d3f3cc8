// The answer of ListObjectsV2, of which three elements count. It is machine-made and flat, so it is read
// element by element; what is not as expected is an error, never an empty page.

import { SourceError } from '../../core/errors.ts';

export interface ListingPage {
  readonly keys: readonly string[];
  /** The token that asks for the next page; undefined on the last. */
  readonly next: string | undefined;
}

/** Throws SourceError for anything but a listing. */
export function parseListing(xml: string): ListingPage {
  if (!/<ListBucketResult[\s>]/.test(xml)) throw invalid('a ListBucketResult', xml.slice(0, 100));
  const encoded = element(xml, 'EncodingType') === 'url';
  const keys = [...xml.matchAll(/<Contents>(.*?)<\/Contents>/gs)].map(([, content = '']) => {
    const key = element(content, 'Key');
    if (key === undefined) throw invalid('a Key in each of Contents', content.slice(0, 100));
    // Form encoding: a space may be a plus.
    return encoded ? decodeURIComponent(key.replaceAll('+', '%20')) : key;
  });
  if (element(xml, 'IsTruncated') !== 'true') return { keys, next: undefined };
  const next = element(xml, 'NextContinuationToken');
  if (next === undefined || next === '') throw invalid('a NextContinuationToken', 'none');
  return { keys, next };
}

function element(xml: string, name: string): string | undefined {
  const text = new RegExp(`<${name}>([^<]*)</${name}>`).exec(xml)?.[1];
  return text?.replace(/&(#x?[0-9a-f]+|[a-z]+);/gi, (whole, entity: string) => decodeEntity(entity) ?? whole);
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" };

function decodeEntity(entity: string): string | undefined {
  const [, hex, digits] = /^#(x?)([0-9a-f]+)$/i.exec(entity) ?? [];
  if (digits === undefined) return ENTITIES[entity];
  const code = Number.parseInt(digits, hex === '' ? 10 : 16);
  return code <= 0x10ffff ? String.fromCodePoint(code) : undefined;
}

function invalid(expected: string, found: string): SourceError {
  return new SourceError('unreachable', `Expected ${expected} in the bucket's listing but found ${found}.`);
}
