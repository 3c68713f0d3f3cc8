// A provider is tried in a process of its own: whatever happens there, this one gets a reason.

import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { afterAll, describe, expect, test } from 'vitest';
import { expectedTaps } from '../../engine/self-check.ts';
import { probe } from '../../runner/engines/probe.ts';
import { makeEngine } from '../../runner/engines/recipe.ts';

const TINY = join(import.meta.dirname, '../golden/models/tiny');
const CPU = { kind: 'onnxruntime', directory: TINY, provider: 'cpu', precision: 'int8' } as const;

const folder = mkdtempSync(join(tmpdir(), 'vgg-edge-probe-'));
afterAll(() => rmSync(folder, { recursive: true, force: true }));

function program(name: string, source: string): URL {
  const file = join(folder, `${name}.mjs`);
  writeFileSync(file, source);
  return pathToFileURL(file);
}

describe('a process that', () => {
  test.each([
    ['crashes', 'process.kill(process.pid, "SIGSEGV")', /ended with SIGSEGV/],
    ['ends without an answer', 'process.exit(7)', /exit code 7/],
    ['hangs', 'process.on("message", () => { for (;;); })', /no answer within 2 s/],
    [
      'answers with a reason',
      'process.on("message", () => process.send({ kind: "failed", error: { kind: "model", code: "engine_failed", message: "NaN" } }))',
      /^NaN$/,
    ],
  ])('%s is a refusal', async (name, source, message) => {
    const options = {
      limit: name === 'hangs' ? 2000 : 60_000,
      program: program(name.split(' ')[0] ?? '', source),
    };
    await expect(probe(CPU, undefined, options)).rejects.toMatchObject({
      name: 'ModelError',
      message: expect.stringMatching(message),
    });
  });
});

describe('the real one', () => {
  const limit = 60_000;

  test('passes what can load the graphs', () =>
    expect(probe(CPU, undefined, { limit })).resolves.toBeUndefined());

  test('refuses a provider that is not there', async () => {
    const options = { ...CPU, provider: 'cuda', directory: join(TINY, 'nowhere') } as const;
    await expect(probe(options, undefined, { limit })).rejects.toMatchObject({ name: 'SourceError' });
  });

  test('passes right numbers and refuses wrong ones', async () => {
    const exact = await makeEngine({ kind: 'winograd', directory: TINY });
    const expected = await expectedTaps(exact, 224, ['features']);
    await exact.dispose();
    const recipe = { kind: 'winograd', directory: TINY } as const;
    await expect(probe(recipe, expected, { limit })).resolves.toBeUndefined();
    expected.outputs.features?.fill(1, 0, 5);
    await expect(probe(recipe, expected, { limit })).rejects.toMatchObject({
      name: 'ModelError',
      message: expect.stringContaining('Expected the bits of our exact kernel'),
    });
  });
});
