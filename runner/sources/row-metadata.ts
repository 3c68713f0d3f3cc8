// A row's fields as metadata that every output and store takes (core/vector-store.ts).

import { MAX_METADATA_BYTES, type Metadata, type MetadataValue } from '../../core/vector-store.ts';
import { plainText } from './plain-text.ts';

/** What stores take, less room for the content hash and, where it counts too, the id. */
const MAX_BYTES = MAX_METADATA_BYTES - 1024;
const MAX_NAME = 64;

/**
 * Names keep ASCII letters, digits and `_`; others become `_`, and names that are equal then get `_2`, `_3`.
 * Dates become ISO 8601, big integers text where they are not exact, nested values JSON; what has no value is
 * left out. Throws RangeError where it is too much.
 */
export function toMetadata(fields: Readonly<Record<string, unknown>>): Metadata {
  const metadata: Record<string, MetadataValue> = {};
  const distinct = createDistinctNames();
  for (const [field, value] of Object.entries(fields)) {
    const name = fieldName(field);
    if (name === undefined) continue;
    // Counted even without a value: the next row may have one.
    const own = distinct(name);
    const found = toValue(value);
    if (found !== undefined) metadata[own] = found;
  }
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes > MAX_BYTES) {
    throw new RangeError(`expected at most ${MAX_BYTES} bytes of metadata but found ${bytes}`);
  }
  return metadata;
}

/** Gives a name that was given before `_2`, `_3` and so on. */
export function createDistinctNames(): (name: string) => string {
  const given = new Map<string, number>();
  return (name) => {
    let own = name;
    for (let times = given.get(name) ?? 0; given.has(own); ) {
      times += 1;
      given.set(name, times);
      const ending = `_${times}`;
      own = `${name.slice(0, MAX_NAME - ending.length)}${ending}`;
    }
    given.set(own, 1);
    return own;
  };
}

function fieldName(field: string): string | undefined {
  const name = field
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .replace(/^(?=\d)/, '_')
    .slice(0, MAX_NAME);
  return name === '' || name === '__proto__' ? undefined : name;
}

function toValue(value: unknown): MetadataValue | undefined {
  if (typeof value === 'string') return plainText(value);
  if (typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined;
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
}
