// What a command prints, for tests that run one in this process.

import { afterEach, beforeEach, vi } from 'vitest';

export interface CapturedConsole {
  /** Lines of console.log and of console.error, of the test under way. */
  readonly printed: string[];
  readonly complained: string[];
  /** Within a test: as if nothing had been printed. */
  clear(): void;
}

/** For every test of the file; nothing reaches the terminal. */
export function captureConsole(): CapturedConsole {
  const printed: string[] = [];
  const complained: string[] = [];
  const clear = () => {
    printed.length = 0;
    complained.length = 0;
  };
  beforeEach(() => {
    clear();
    vi.spyOn(console, 'log').mockImplementation((line: string) => void printed.push(line));
    vi.spyOn(console, 'error').mockImplementation((line: string) => void complained.push(line));
    // Bars of progress.
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  });
  afterEach(() => {
    vi.restoreAllMocks();
  });
  return { printed, complained, clear };
}
