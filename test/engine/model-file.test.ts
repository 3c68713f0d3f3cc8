import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { SourceError } from '../../core/errors.ts';
import type { ModelFiles } from '../../core/ports.ts';
import { readManifest, readModelFile } from '../../engine/model-file.ts';
import { openProjections } from '../../engine/model-projections.ts';
import { diskFiles } from '../../engine/node/disk-files.ts';
import { memoryFiles, tinyModel } from './tiny-model.ts';

const { manifest, content } = tinyModel();

test('the id is the name and the beginning of the SHA-256 of model.json', async () => {
  const read = await readManifest(memoryFiles(content));
  expect(read.manifest).toEqual(manifest);
  expect(read.id).toMatch(/^tiny@[0-9a-f]{12}$/);
  const changed = memoryFiles(content, (_, bytes) => Uint8Array.of(...bytes, 0x20));
  expect((await readManifest(changed)).id).not.toBe(read.id);
});

test.each<[string, Uint8Array, string]>([
  ['empty', new Uint8Array(), 'model.json is not JSON'],
  ['no JSON', new TextEncoder().encode('<html>'), 'model.json is not JSON'],
  ['of another format', new TextEncoder().encode('{"format":"gguf"}'), "model.json at 'format'"],
  ['endless', new Uint8Array(4 * 1024 * 1024 + 1), 'at most 4194304 bytes'],
])('a manifest that is %s is refused', async (_, bytes, message) => {
  const files = memoryFiles(content, () => bytes);
  await expect(readManifest(files)).rejects.toMatchObject({
    code: 'invalid_manifest',
    message: expect.stringContaining(message),
  });
});

describe('a source that breaks off half-way is out of reach, not a defect', () => {
  const files: ModelFiles = {
    ...memoryFiles(content),
    open: async () =>
      (async function* () {
        yield Uint8Array.of(0x7b);
        throw new TypeError('terminated');
      })(),
  };
  const listed = { file: 'weights.bin', bytes: 10, sha256: '' };
  test.each<[string, () => Promise<unknown>]>([
    ['the manifest', () => readManifest(files)],
    ['a shard', () => readModelFile(files, listed)],
    ['the list of projections', () => openProjections(files, 'tiny').list()],
  ])('%s', async (_, read) => {
    await expect(read()).rejects.toMatchObject({ name: 'SourceError', code: 'unreachable' });
  });
});

test('the list of projections is bounded in bytes, not in characters', async () => {
  const files = memoryFiles(new Map([['projections.json', new TextEncoder().encode('ü'.repeat(40_000))]]));
  const listing = openProjections(files, 'tiny').list();
  await expect(listing).rejects.toMatchObject({ message: expect.stringContaining('at most 65536 bytes') });
});

test('a directory on disk gives its files, and says which are missing', async () => {
  const directory = mkdtempSync(join(tmpdir(), 'model-'));
  try {
    for (const [file, bytes] of content) writeFileSync(join(directory, file), bytes);
    const files = diskFiles(directory);
    for (const listed of [...manifest.graphs, ...manifest.shards]) {
      const bytes = await readModelFile(files, listed);
      expect(Buffer.compare(bytes, content.get(listed.file) ?? new Uint8Array())).toBe(0);
      rmSync(join(directory, listed.file));
      await expect(readModelFile(files, listed)).rejects.toThrow(SourceError);
      await expect(readModelFile(files, listed)).rejects.toThrow(listed.file);
    }
  } finally {
    rmSync(directory, { recursive: true });
  }
});
