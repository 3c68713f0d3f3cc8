// `vgg-edge export --to fp16`: float graphs on demand, made once.

import { mkdtemp, readdir, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, test, vi } from 'vitest';
import { main } from '../../cli/main.ts';

const TINY = join(import.meta.dirname, '../golden/models/tiny');

test.each(['fp16', 'fp32'])('%s graphs are made the first time and found the second', async (precision) => {
  const cache = await mkdtemp(join(tmpdir(), 'vgg-edge-export-'));
  const log = vi.spyOn(console, 'log').mockImplementation(() => undefined);
  try {
    const ask = () => main(['export', TINY, '--to', precision, '--cache', cache]);
    expect(await ask()).toBe(0);
    const place = String(log.mock.lastCall?.[0]).split('\n')[0] ?? '';
    expect(place.startsWith(cache)).toBe(true);
    expect(await readdir(place)).toEqual(
      expect.arrayContaining([`backbone.${precision}.onnx`, `head.${precision}.onnx`]),
    );
    const made = await stat(join(place, `backbone.${precision}.onnx`));
    expect(await ask()).toBe(0);
    expect((await stat(join(place, `backbone.${precision}.onnx`))).mtimeMs).toBe(made.mtimeMs);
  } finally {
    log.mockRestore();
    await rm(cache, { recursive: true });
  }
});
