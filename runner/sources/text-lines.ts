// Lines of a text file, one at a time, none longer than a limit.

import { createReadStream } from 'node:fs';

/** Bytes. A row of a list with its metadata is far below. */
const MAX_LINE = 1 << 20;

/**
 * Lines without their ends; undefined for one that is longer than the limit. UTF-8, LF or CRLF, with or without a
 * byte order mark. Rejects with what the file system says.
 */
export async function* textLines(path: string, maxLine = MAX_LINE): AsyncGenerator<string | undefined> {
  const decoder = new TextDecoder();
  let kept = '';
  let overlong = false;
  const take = (end: string): string | undefined => {
    const text = `${kept}${end}`.replace(/\r$/, '');
    const line = overlong || text.length > maxLine ? undefined : text;
    kept = '';
    overlong = false;
    return line;
  };
  for await (const chunk of createReadStream(path)) {
    const parts = decoder.decode(chunk, { stream: true }).split('\n');
    for (const part of parts.slice(0, -1)) yield take(part);
    kept += parts.at(-1) ?? '';
    if (kept.length > maxLine) {
      overlong = true;
      kept = '';
    }
  }
  kept += decoder.decode();
  if (kept !== '' || overlong) yield take('');
}
