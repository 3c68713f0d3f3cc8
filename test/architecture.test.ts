// The one direction of the code: which folder may import which (docs/architecture.md), and no cycles.

import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, relative } from 'node:path';
import { describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '..');

/** Folder → what of ours it may import. `engine` alone means the files directly in it. */
const MAY_IMPORT: Readonly<Record<string, readonly string[]>> = {
  core: [],
  engine: ['core'],
  'engine/edge': ['core', 'engine'],
  'engine/winograd': ['core', 'engine'],
  // onnxruntime-web's WebGPU build, and the choice between it and an engine it is given.
  'engine/webgpu': ['core', 'engine'],
  'engine/node': ['core', 'engine'],
  'model-build': ['core', 'engine', 'engine/edge', 'engine/node', 'engine/winograd'],
  search: ['core'],
  // Measurements of a model on photographs: the int8 network beside the float weights it was made from.
  eval: ['core', 'engine', 'engine/edge', 'engine/node', 'engine/winograd', 'model-build', 'search'],
  // Stores that only one runtime has: Durable Objects; embedded databases and drivers.
  'search/edge': ['core', 'search'],
  'search/node': ['core', 'search'],
  // Fetching what a URL of someone else's names: which may be fetched, by whom, and what it may cost.
  net: ['core'],
  'net/node': ['net'],
  worker: ['core', 'engine', 'engine/edge', 'engine/winograd', 'net', 'search', 'search/edge'],
  // The HTTP app in Node: what worker/index.ts is to the edge, with sockets, files and native engines.
  server: [
    'core',
    'engine',
    'engine/edge',
    'engine/node',
    'engine/webgpu',
    'engine/winograd',
    'net',
    'net/node',
    'search',
    'search/node',
    'worker',
  ],
  runner: [
    'core',
    'engine',
    'engine/node',
    'engine/winograd',
    'search',
    'search/node',
    'runner/sources',
    'runner/outputs',
  ],
  // The runner's adapters: where images come from, where vectors go.
  'runner/sources': ['core', 'runner', 'net', 'net/node'],
  'runner/outputs': ['core', 'runner', 'search', 'search/node'],
  // Its shards as jobs for other machines.
  'runner/queue': ['core', 'runner'],
  cli: [
    'core',
    'engine',
    'engine/edge',
    'engine/node',
    'engine/winograd',
    'model-build',
    'search',
    'search/node',
    'eval',
    'runner',
    'runner/sources',
    'runner/outputs',
    'runner/queue',
    'server',
  ],
  // Of the Worker types only: the API's schemas are the client's types.
  client: ['core', 'worker'],
  // The page: in browser mode it runs the network itself, on a GPU by float graphs that it makes as the command
  // line does; of the Worker it takes the answers' types alone.
  web: ['core', 'engine', 'engine/edge', 'engine/webgpu', 'engine/winograd', 'model-build', 'worker'],
};

/** Packages that only these folders may import: one place knows each runtime. */
const PACKAGE_HOMES: readonly { packages: RegExp; homes: readonly string[] }[] = [
  { packages: /^onnxruntime-web/, homes: ['engine/edge', 'engine/webgpu'] },
  { packages: /^onnxruntime-node/, homes: ['engine/node'] },
  { packages: /^sharp$/, homes: ['engine/node'] },
  { packages: /^@cwasm\//, homes: ['worker', 'engine/node'] },
  { packages: /^onnx-proto$/, homes: ['model-build'] },
  { packages: /^(@lancedb\/|pg$)/, homes: ['search/node'] },
  { packages: /^apache-arrow$/, homes: ['search/node', 'runner/outputs'] },
  { packages: /^(csv-parse|brace-expansion|aws4fetch)$/, homes: ['runner/sources'] },
  { packages: /^(bullmq|ioredis)$/, homes: ['runner/queue'] },
  { packages: /^hyparquet/, homes: ['runner/sources', 'runner/outputs'] },
  { packages: /^ipaddr\.js$/, homes: ['net'] },
  { packages: /^hono/, homes: ['worker'] },
];

const IMPORT = /(?:import|export)\s[^'"]*?from\s*['"]([^'"]+)['"]|import\s*\(?\s*['"]([^'"]+)['"]/g;

interface Source {
  readonly path: string;
  readonly folder: string;
  /** Ours, as paths from the root. */
  readonly files: readonly string[];
  readonly packages: readonly string[];
}

function readSources(): Source[] {
  const roots = new Set(Object.keys(MAY_IMPORT).map((folder) => folder.split('/')[0] ?? folder));
  return [...roots]
    .filter((root) => existsSync(join(ROOT, root)))
    .flatMap((root) =>
      readdirSync(join(ROOT, root), { recursive: true, encoding: 'utf8' }).map((path) => join(root, path)),
    )
    .filter((path) => path.endsWith('.ts') && !path.startsWith('engine/winograd/assembly/'))
    .map((path) => ({ path, folder: folderOf(path) }))
    .filter(({ folder }) => folder in MAY_IMPORT)
    .map(({ path, folder }) => {
      const names = [...readFileSync(join(ROOT, path), 'utf8').matchAll(IMPORT)].map(
        ([, from, bare]) => from ?? bare ?? '',
      );
      const files = names
        .filter((name) => name.startsWith('.'))
        .map((name) => relative(ROOT, normalize(join(ROOT, dirname(path), name))));
      return { path, folder, files, packages: names.filter((name) => !name.startsWith('.')) };
    });
}

function folderOf(path: string): string {
  const parts = dirname(path).split('/');
  const nested = parts.slice(0, 2).join('/');
  return nested in MAY_IMPORT ? nested : (parts[0] ?? '');
}

const sources = readSources();

test('the sources are found', () => {
  expect(sources.map(({ path }) => path)).toContain('core/family.ts');
});

describe.each(Object.entries(MAY_IMPORT))('%s', (folder, allowed) => {
  test(`imports nothing of ours but ${allowed.join(', ') || 'itself'}`, () => {
    const strays = sources
      .filter((source) => source.folder === folder)
      .flatMap(({ path, files }) => files.map((file) => ({ path, file, target: folderOf(file) })))
      .filter(({ target, file }) => target !== folder && !allowed.includes(target) && file.endsWith('.ts'))
      .map(({ path, file }) => `${path} imports ${file}`);
    expect(strays).toEqual([]);
  });
});

test('each runtime and codec is imported in its one place', () => {
  const strays = sources.flatMap(({ path, folder, packages }) =>
    PACKAGE_HOMES.flatMap(({ packages: pattern, homes }) =>
      packages
        .filter((name) => pattern.test(name) && !homes.includes(folder))
        .map((name) => `${path}: ${name}`),
    ),
  );
  expect(strays).toEqual([]);
});

test('core knows no runtime', () => {
  const strays = sources
    .filter(({ folder }) => folder === 'core')
    .flatMap(({ path, packages }) =>
      packages.filter((name) => name !== 'zod').map((name) => `${path}: ${name}`),
    );
  expect(strays).toEqual([]);
});

test('no import cycle', () => {
  const edges = new Map(sources.map(({ path, files }) => [path, files]));
  const done = new Set<string>();
  const cycles: string[] = [];
  const visit = (path: string, trail: readonly string[]): void => {
    if (trail.includes(path)) cycles.push([...trail.slice(trail.indexOf(path)), path].join(' → '));
    if (done.has(path) || trail.includes(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of edges.keys()) visit(path, []);
  expect(cycles).toEqual([]);
});
