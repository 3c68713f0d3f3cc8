// How the model comes into an isolate: what a request needs and no more, piece by piece, and what memory that
// takes. In the Workers' runtime, over the default model among the assets.

import { describe, expect, test } from 'vitest';
import type { ModelFiles } from '../../core/ports.ts';
import type { Tap } from '../../core/taps.ts';
import { plannedMemory } from '../../engine/winograd/planned-memory.ts';
import { fixture } from './fixtures.ts';

const { files: modelFiles, serve } = fixture;

interface Opened {
  readonly file: string;
  /** Bytes of the largest piece that it came in. */
  largest: number;
}

/** The files of the model, and what was read of them. */
function watchedFiles(): { files: ModelFiles; opened: Opened[] } {
  const opened: Opened[] = [];
  const files: ModelFiles = {
    ...modelFiles,
    async open(file) {
      const entry = { file, largest: 0 };
      opened.push(entry);
      return watched(await modelFiles.open(file), entry);
    },
  };
  return { files, opened };
}

async function* watched(pieces: AsyncIterable<Uint8Array>, entry: Opened): AsyncGenerator<Uint8Array> {
  for await (const piece of pieces) {
    entry.largest = Math.max(entry.largest, piece.buffer.byteLength);
    yield piece;
  }
}

async function start() {
  const { files, opened } = watchedFiles();
  const { engine, manifest } = await serve({ files })();
  const size = manifest.preprocess.crop;
  const batch = { images: 1, size, data: new Uint8Array(size * size * 3) };
  const shards = (part: 'backbone' | 'head') =>
    manifest.shards.filter((shard) => shard.part === part).map(({ file }) => file);
  return { run: (tap: Tap) => engine.run(batch, [tap]), engine, manifest, opened, shards };
}

describe('features', () => {
  test('load the backbone once, and nothing of the head', async () => {
    const { run, opened, shards } = await start();
    await run('features');
    await run('features');
    expect(opened.map(({ file }) => file)).toEqual(['model.json', ...shards('backbone')]);
  });

  test('take the memory that is planned and reported, to the byte', async () => {
    const { run, engine, manifest } = await start();
    expect(engine.memoryBytes()).toBe(0);
    await run('features');
    expect(engine.memoryBytes()).toBe(plannedMemory(manifest).features);
  });
});

describe('scores', () => {
  test('load the head beside it, once, whichever came first', async () => {
    const { run, opened, shards } = await start();
    await run('scores');
    await run('features');
    await run('fc6');
    expect(opened.map(({ file }) => file)).toEqual(['model.json', ...shards('backbone'), ...shards('head')]);
  });

  test('take the memory that is planned and reported, to the byte', async () => {
    const { run, engine, manifest } = await start();
    await run('scores');
    expect(engine.memoryBytes()).toBe(plannedMemory(manifest).scores);
  });
});

test('shards are never held whole outside WebAssembly: they come in small pieces', async () => {
  const { run, opened, shards } = await start();
  await run('scores');
  const largest = opened.filter(({ file }) => file !== 'model.json').map((entry) => entry.largest);
  expect(largest).toHaveLength(shards('backbone').length + shards('head').length);
  for (const bytes of largest) {
    expect(bytes).toBeGreaterThan(0);
    expect(bytes).toBeLessThanOrEqual(1024 * 1024);
  }
});
