import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keepCard } from '../../model-build/keep-card.ts';

const HASH = 'a'.repeat(64);

async function folderOf(files: Readonly<Record<string, string>>): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-card-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  for (const [name, content] of Object.entries(files)) await writeFile(join(folder, name), content);
  return folder;
}

const manifest = JSON.stringify({ provenance: { kind: 'weights', sha256: HASH } });

test.each([
  ['the same weights: kept', { 'README.md': 'card', 'model.json': manifest }, HASH, 'card'],
  ['other weights', { 'README.md': 'card', 'model.json': manifest }, 'b'.repeat(64), null],
  [
    'seeded weights, which have no hash',
    { 'README.md': 'card', 'model.json': '{"provenance":{}}' },
    undefined,
    null,
  ],
  ['no model before', { 'README.md': 'card' }, HASH, null],
  ['a broken manifest', { 'README.md': 'card', 'model.json': '{' }, HASH, null],
  ['no card before', { 'model.json': manifest }, HASH, null],
] as const)('%s', async (_what, files, sha256, card) => {
  const next = await folderOf({});
  await keepCard(await folderOf(files), next, sha256);
  expect(await readFile(join(next, 'README.md'), 'utf8').catch(() => null)).toBe(card);
});
