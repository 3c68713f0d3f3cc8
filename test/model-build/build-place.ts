// Where a test's build goes and what it prints: a temporary folder and the lines, anew for every test.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, vi } from 'vitest';

export interface BuildPlace {
  readonly folder: string;
  /** The model directory in it, which does not exist yet. */
  readonly out: string;
  /** Of both streams; progress is thrown away. */
  readonly printed: string[];
}

/** To be called once at the top of a file of tests. */
export function buildPlace(): BuildPlace {
  const place = { folder: '', out: '', printed: [] as string[] };
  beforeEach(async () => {
    place.folder = await mkdtemp(join(tmpdir(), 'vgg-edge-test-'));
    place.out = join(place.folder, 'model');
    place.printed.length = 0;
    const keep = (...values: unknown[]) => {
      place.printed.push(values.join(' '));
    };
    vi.spyOn(console, 'log').mockImplementation(keep);
    vi.spyOn(console, 'error').mockImplementation(keep);
    vi.spyOn(process.stderr, 'write').mockReturnValue(true);
  });
  afterEach(async () => {
    vi.restoreAllMocks();
    await rm(place.folder, { recursive: true });
  });
  return place;
}
