// What the files beside an image in a webdataset say of it: the fields of `.json`, the text of `.txt` as
// `txt`, the class of `.cls` as `cls`.

import type { Metadata } from '../../core/vector-store.ts';
import type { ByteFile } from './byte-file.ts';
import { toMetadata } from './row-metadata.ts';
import type { NoteEnding, TarSample } from './tar-samples.ts';

/** Bytes of one file: ten times what metadata may have. */
const MAX_NOTE = 100 * 1024;

/** `columns` are the fields wanted, all by default. Throws RangeError that says what is wrong with a file. */
export async function sampleMetadata(
  { notes }: TarSample,
  read: ByteFile['read'],
  columns?: readonly string[],
): Promise<Metadata> {
  if (columns?.length === 0) return {};
  const fields: Record<string, unknown> = {};
  for (const [ending, { name, offset, size }] of notes) {
    if (size > MAX_NOTE)
      throw new RangeError(`expected at most ${MAX_NOTE} bytes in ${name} but found ${size}`);
    Object.assign(fields, parseNote(ending, name, new TextDecoder().decode(await read(offset, size))));
  }
  const names = columns ?? Object.keys(fields);
  return toMetadata(Object.fromEntries(names.map((name) => [name, fields[name]])));
}

function parseNote(ending: NoteEnding, name: string, text: string): Readonly<Record<string, unknown>> {
  if (ending === 'txt') return { txt: text };
  if (ending === 'cls') return { cls: /^\d{1,15}$/.test(text.trim()) ? Number(text) : text };
  const value: unknown = parseJson(text);
  if (typeof value === 'object' && value !== null && !Array.isArray(value)) return { ...value };
  throw new RangeError(`expected a JSON object in ${name}`);
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}
