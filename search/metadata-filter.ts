// The filter language over metadata (docs/search.md): checked and brought to a list of conditions, which
// each store matches itself or translates to its own language.

import { InputError } from '../core/errors.ts';
import {
  type Filter,
  MAX_METADATA_BYTES,
  type Metadata,
  type MetadataValue,
  type NumberRange,
} from '../core/vector-store.ts';

export type RangeOperator = 'gt' | 'gte' | 'lt' | 'lte';

export type Condition =
  | { readonly field: string; readonly kind: 'in'; readonly values: readonly MetadataValue[] }
  | { readonly field: string; readonly kind: 'range'; readonly bounds: readonly RangeBound[] };

export interface RangeBound {
  readonly operator: RangeOperator;
  readonly value: number;
}

const FIELD = /^(?!__proto__$)[A-Za-z_][A-Za-z0-9_]{0,63}$/;
const RANGE_OPERATORS: readonly RangeOperator[] = ['gt', 'gte', 'lt', 'lte'];
/** Keeps translated filters within what every store takes (Vectorize: 2048 bytes). */
const MAX_CONDITIONS = 16;
const MAX_IN_VALUES = 100;

/** Equality becomes `in` with one value. Throws InputError naming the field. */
export function parseFilter(filter: Filter = {}): Condition[] {
  const entries = Object.entries(filter);
  if (entries.length > MAX_CONDITIONS) {
    throw invalid('filter', `at most ${MAX_CONDITIONS} conditions`, entries.length);
  }
  return entries.map(([field, wanted]) => {
    const name = `filter.${field}`;
    if (!FIELD.test(field)) throw invalid(name, 'a field name of letters, digits and _', field);
    if (typeof wanted !== 'object') return { field, kind: 'in', values: [checkValue(name, wanted)] };
    if (wanted === null || Array.isArray(wanted)) {
      throw invalid(name, 'a value, {in: [...]} or a range such as {gte: 1}', wanted);
    }
    if ('in' in wanted) return { field, kind: 'in', values: checkList(name, wanted) };
    return { field, kind: 'range', bounds: checkRange(name, wanted) };
  });
}

/** A filter from outside, checked. Throws InputError naming the field. */
export function toFilter(value: unknown): Filter {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    throw invalid('filter', 'an object of fields', value);
  }
  const filter = value as Filter;
  parseFilter(filter);
  return filter;
}

export function matches(conditions: readonly Condition[], metadata: Metadata): boolean {
  return conditions.every((condition) => {
    const value = Object.hasOwn(metadata, condition.field) ? metadata[condition.field] : undefined;
    if (value === undefined) return false;
    if (condition.kind === 'in') return condition.values.includes(value);
    return typeof value === 'number' && condition.bounds.every((bound) => within(value, bound));
  });
}

/** The metadata of the item `id`. Throws InputError where it is not as core/vector-store.ts asks. */
export function checkMetadata(id: string, metadata: Readonly<Record<string, unknown>>): Metadata {
  const name = `metadata of item '${id}'`;
  const checked: Record<string, MetadataValue> = {};
  for (const [field, value] of Object.entries(metadata)) {
    if (!FIELD.test(field)) throw invalid(name, 'field names of letters, digits and _', field);
    checked[field] = checkValue(`${name}, field ${field}`, value);
  }
  const bytes = new TextEncoder().encode(JSON.stringify(metadata)).length;
  if (bytes > MAX_METADATA_BYTES) throw invalid(name, `at most ${MAX_METADATA_BYTES} bytes of JSON`, bytes);
  return checked;
}

export const PLAIN_TEXT = 'text without U+0000 and halves of surrogate pairs';

/** Whether every store can hold it: PostgreSQL has no U+0000, and UTF-8 no half of a surrogate pair. */
export function isPlainText(text: string): boolean {
  return text.isWellFormed() && !text.includes('\0');
}

function within(value: number, { operator, value: bound }: RangeBound): boolean {
  switch (operator) {
    case 'gt':
      return value > bound;
    case 'gte':
      return value >= bound;
    case 'lt':
      return value < bound;
    case 'lte':
      return value <= bound;
  }
}

function checkValue(name: string, value: unknown): MetadataValue {
  if (typeof value === 'string' && !isPlainText(value)) throw invalid(name, PLAIN_TEXT, value);
  if (typeof value === 'string' || typeof value === 'boolean') return value;
  if (typeof value === 'number' && Number.isFinite(value)) return value;
  throw invalid(name, 'a string, a finite number or a boolean', value);
}

function checkList(name: string, wanted: { readonly in: readonly MetadataValue[] }): MetadataValue[] {
  const values: unknown = wanted.in;
  if (!Array.isArray(values) || values.length === 0 || values.length > MAX_IN_VALUES) {
    throw invalid(`${name}.in`, `a list of 1 to ${MAX_IN_VALUES} values`, values);
  }
  if (Object.keys(wanted).length > 1) throw invalid(name, "'in' alone", Object.keys(wanted));
  return values.map((value) => checkValue(`${name}.in`, value));
}

function checkRange(name: string, wanted: NumberRange): RangeBound[] {
  const entries: [string, unknown][] = Object.entries(wanted);
  if (entries.length === 0) throw invalid(name, `one of in, ${RANGE_OPERATORS.join(', ')}`, wanted);
  return entries.map(([key, value]) => {
    const operator = RANGE_OPERATORS.find((known) => known === key);
    if (operator === undefined) throw invalid(name, `one of in, ${RANGE_OPERATORS.join(', ')}`, key);
    if (typeof value !== 'number' || !Number.isFinite(value)) {
      throw invalid(`${name}.${key}`, 'a finite number', value);
    }
    return { operator, value };
  });
}

function invalid(name: string, expected: string, found: unknown): InputError {
  const shown = typeof found === 'number' ? String(found) : JSON.stringify(found)?.slice(0, 80);
  return new InputError('invalid_option', `Expected ${expected} for ${name} but found ${shown}.`, {
    param: name.split(/[ .]/)[0] ?? name,
  });
}
