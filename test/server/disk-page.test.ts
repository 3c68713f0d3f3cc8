// The page's files on a disk: read when they are read, not before.

import { existsSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { diskPageFiles } from '../../server/disk-page.ts';

// Only Linux tells which files a process has open.
test.runIf(existsSync('/proc/self/fd'))('an answer whose body nobody reads leaves no file open', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'vgg-edge-page-'));
  try {
    writeFileSync(join(folder, 'style.css'), 'a {}');
    const files = diskPageFiles(folder);
    const open = () => readdirSync('/proc/self/fd').length;
    const before = open();
    const answers = await Promise.all(Array.from({ length: 40 }, () => files.open('style.css')));
    await new Promise((resolve) => setTimeout(resolve, 50));
    expect(open() - before).toBeLessThan(5);
    expect(await new Response(answers[0]?.body).text()).toBe('a {}');
  } finally {
    rmSync(folder, { recursive: true });
  }
});
