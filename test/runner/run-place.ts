// A place for a file's runs: photographs of noise, each test's own folder, and the bytes of an undisturbed run.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, beforeEach } from 'vitest';
import { runBytes, testRun, writePhotos } from './run-fixture.ts';

export const PHOTOS = 60;
const EVERY_BROKEN = 7;

export interface RunPlace {
  /** For what else a test writes; gone at the end of the file. */
  readonly folder: string;
  /** 60 in 6 folders, every seventh broken. */
  readonly photos: string;
  readonly out: string;
  /** The two that every run has. */
  readonly run: { readonly photos: string; readonly out: string };
  /** What a run of `photos` leaves, by file. */
  readonly undisturbed: Record<string, string>;
}

/** To be called once in a test file; what it gives is there inside of tests. */
export function runPlace(): RunPlace {
  let folder = '';
  let number = 0;
  let undisturbed: Record<string, string> = {};
  const place: RunPlace = {
    get folder() {
      return folder;
    },
    get photos() {
      return join(folder, 'photos');
    },
    get out() {
      return join(folder, `run-${number}`);
    },
    get run() {
      return { photos: place.photos, out: place.out };
    },
    get undisturbed() {
      return undisturbed;
    },
  };
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vgg-edge-run-'));
    await writePhotos(place.photos, PHOTOS, EVERY_BROKEN);
    const whole = join(folder, 'whole');
    await testRun({ photos: place.photos, out: whole });
    undisturbed = await runBytes(whole);
  });
  afterAll(() => rm(folder, { recursive: true }));
  beforeEach(() => {
    number += 1;
  });
  afterEach(() => rm(place.out, { recursive: true, force: true }));
  return place;
}
