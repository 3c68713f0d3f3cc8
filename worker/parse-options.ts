// Options as they were sent → checked, defaults filled in; violations in words.

import type * as z from 'zod';
import { InputError } from '../core/errors.ts';

/**
 * The options, defaults filled in. `within` names what they are the fields of, where that is not the request.
 * Throws InputError('invalid_option') about the first violation.
 */
export function parseOptions<Schema extends z.ZodObject>(
  schema: Schema,
  values: Readonly<Record<string, unknown>>,
  within = '',
): z.output<Schema> {
  const result = schema.safeParse(values);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const unknown = issue?.code === 'unrecognized_keys' ? issue.keys.slice(0, 1) : [];
  const param = nameOf([...(issue?.path ?? []), ...unknown], within);
  throw new InputError('invalid_option', violation(issue, param, schema, values, within), { param });
}

/** `items[1].crop.width`, as a program would write it. */
function nameOf(path: readonly PropertyKey[], within: string): string {
  return path.reduce<string>((name, part) => {
    if (typeof part === 'number') return `${name}[${part}]`;
    return name === '' ? String(part) : `${name}.${String(part)}`;
  }, within);
}

/** A crop box or a filter; a longer text is none, and its nesting could exhaust the stack. */
const MAX_JSON_LENGTH = 4096;

/**
 * Options out of a query or a form, where everything is text: where the schema asks for something else, numbers
 * and booleans are read, and objects (a crop box) as JSON. Throws InputError('invalid_option') for an option that
 * is there twice: which of the two was meant nobody knows.
 */
export function textOptions(
  entries: Iterable<readonly [string, string]>,
  { shape }: z.ZodObject,
): Record<string, unknown> {
  const options = new Map<string, unknown>();
  for (const [name, text] of entries) {
    if (options.has(name)) throw twice(name);
    const isJson =
      text.length <= MAX_JSON_LENGTH && /^(?:true|false|-?\d{1,15}(?:\.\d{1,15})?|\{.*\})$/s.test(text);
    const isText = Object.hasOwn(shape, name) && shape[name]?.safeParse(text).success === true;
    options.set(name, isJson && !isText ? (parseJson(text) ?? text) : text);
  }
  // Not by assignment: a name such as __proto__ stays a name, and is refused like any unknown one.
  return Object.fromEntries(options);
}

/** The options of the query and of the body. Throws InputError('invalid_option') for one that is in both. */
export function joinOptions(
  query: Readonly<Record<string, unknown>>,
  body: Readonly<Record<string, unknown>>,
): Record<string, unknown> {
  for (const name of Object.keys(query)) if (Object.hasOwn(body, name)) throw twice(name);
  return { ...query, ...body };
}

function twice(name: string): InputError {
  const shown = name.slice(0, 80);
  return new InputError('invalid_option', `Expected the option ${shown} once but found it twice.`, {
    param: shown,
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // The schema says what was expected instead.
    return undefined;
  }
}

function valueAt(values: unknown, path: readonly PropertyKey[]): unknown {
  return path.reduce<unknown>(
    (value, key) => (typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined),
    values,
  );
}

function violation(
  issue: z.core.$ZodIssue | undefined,
  param: string,
  schema: z.ZodObject,
  values: Readonly<Record<string, unknown>>,
  within: string,
): string {
  if (issue?.code === 'unrecognized_keys') {
    if (issue.path.length > 0 || within !== '') return `Expected no '${param}': there is no such field.`;
    return `Expected only the options ${Object.keys(schema.shape).join(', ')} but found '${param}'.`;
  }
  const found = JSON.stringify(valueAt(values, issue?.path ?? []))?.slice(0, 80) ?? 'nothing';
  switch (issue?.code) {
    case 'invalid_value':
      return `Expected one of ${issue.values.map(String).join(', ')} for ${param} but found ${found}.`;
    case 'invalid_type':
      return `Expected a value of type ${issue.expected} for ${param} but found ${found}.`;
    case 'too_small':
      return `Expected ${issue.inclusive === false ? 'more than' : 'at least'} ${issue.minimum} for ${param} but found ${found}.`;
    case 'too_big':
      return `Expected ${issue.inclusive === false ? 'less than' : 'at most'} ${issue.maximum} for ${param} but found ${found}.`;
    default:
      return `${issue?.message ?? 'Expected other options'} (${param}, found ${found}).`;
  }
}
