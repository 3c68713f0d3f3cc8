// What the fuzzer found wrong: each file, beside it a text that says what it did. Later runs try them all again,
// whatever their seed, and fail as long as one is still wrong.

import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const TEXT = '.txt';
const MEMORY = 'memory: ';

export interface Findings {
  /** Paths of what is wrong now. */
  readonly open: ReadonlySet<string>;
  /** Keeps a file that did `what`. */
  keep(bytes: Uint8Array, what: string): void;
  /**
   * Tries what earlier runs kept; `decode` gives the outcome. Memory that stayed behind is not seen by one image:
   * that stays open until its file is deleted.
   */
  retry(decode: (bytes: Uint8Array) => Promise<string>): Promise<void>;
}

/** `report` is told of each thing that is wrong, in one line. */
export function openFindings(folder: string, report: (line: string) => void): Findings {
  mkdirSync(folder, { recursive: true });
  const open = new Set<string>();
  const add = (path: string, what: string) => {
    open.add(path);
    report(`${what.split('\n')[0]} → ${path}`);
  };
  return {
    open,
    keep(bytes, what) {
      const path = join(folder, createHash('sha256').update(bytes).digest('hex').slice(0, 16));
      writeFileSync(path, bytes);
      writeFileSync(path + TEXT, `${what}\n`);
      add(path, what);
    },
    async retry(decode) {
      for (const name of readdirSync(folder).toSorted()) {
        if (!name.endsWith(TEXT)) continue;
        const path = join(folder, name.slice(0, -TEXT.length));
        const what = readFileSync(path + TEXT, 'utf8');
        if (what.startsWith(MEMORY)) add(path, `delete it once it is mended: ${what}`);
        else {
          const outcome = await decode(new Uint8Array(readFileSync(path)));
          if (isWrong(outcome)) add(path, `still ${outcome}`);
        }
      }
    },
  };
}

/** Whether no file may have this outcome. */
export function isWrong(outcome: string): boolean {
  return /^(?:crash|hang): /.test(outcome);
}

export function grownMemory(held: number, images: number, before: number): string {
  return `${MEMORY}${held} bytes held after ${images} images, ${before} after the first`;
}
