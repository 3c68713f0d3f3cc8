// A row's fields as metadata that every output and store takes (core/vector-store.ts).

import { MAX_METADATA_BYTES, type Metadata, type MetadataValue } from '../../core/vector-store.ts';

/** What stores take, less room for the content hash and, where it counts too, the id. */
const MAX_BYTES = MAX_METADATA_BYTES - 1024;
const MAX_NAME = 64;

/**
 * Names keep letters, digits and `_`; others become `_`. Dates become ISO 8601, big integers text where they
 * are not exact, nested values JSON; what has no value is left out. Throws RangeError where it is too much.
 */
export function toMetadata(fields: Readonly<Record<string, unknown>>): Metadata {
  const metadata: Record<string, MetadataValue> = {};
  for (const [field, value] of Object.entries(fields)) {
    const name = fieldName(field);
    const found = toValue(value);
    if (name === undefined || found === undefined || Object.hasOwn(metadata, name)) continue;
    metadata[name] = found;
  }
  const bytes = Buffer.byteLength(JSON.stringify(metadata));
  if (bytes > MAX_BYTES) {
    throw new RangeError(`expected at most ${MAX_BYTES} bytes of metadata but found ${bytes}`);
  }
  return metadata;
}

function fieldName(field: string): string | undefined {
  const name = field
    .replace(/[^A-Za-z0-9_]+/g, '_')
    .replace(/^(?=\d)/, '_')
    .slice(0, MAX_NAME);
  return name === '' || name === '__proto__' ? undefined : name;
}

function toValue(value: unknown): MetadataValue | undefined {
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number') return Number.isFinite(value) ? value : undefined;
  if (typeof value === 'bigint') return Number.isSafeInteger(Number(value)) ? Number(value) : String(value);
  if (value instanceof Date) return Number.isNaN(value.getTime()) ? undefined : value.toISOString();
  if (typeof value !== 'object' || value === null || ArrayBuffer.isView(value)) return undefined;
  return JSON.stringify(value, (_, inner: unknown) => (typeof inner === 'bigint' ? String(inner) : inner));
}
