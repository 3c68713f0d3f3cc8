// The image without an engine for containers: each COPY finds its files in the build's context, everything
// that the server imports is copied and installed, and the steps of the Dockerfile run in a folder that holds
// nothing else. (The two `npm ci` are replaced by this checkout's packages.)

import { spawn, spawnSync } from 'node:child_process';
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { build } from 'esbuild';
import { afterAll, describe, expect, test } from 'vitest';

const ROOT = join(import.meta.dirname, '../..');
const read = (file: string) => readFileSync(join(ROOT, file), 'utf8');

interface Stage {
  readonly name: string;
  /** From the build's context, or from another stage. */
  readonly copies: readonly {
    readonly from?: string;
    readonly sources: readonly string[];
    readonly target: string;
  }[];
  readonly instructions: readonly (readonly [string, string])[];
}

const stages = readStages(read('Dockerfile'));
const [page, image] = [stages.find(({ name }) => name === 'page'), stages.at(-1)];
if (page === undefined || image === undefined) throw new Error('Expected a stage page and another after it.');
const argumentsOf = (stage: Stage, instruction: string): string[] =>
  JSON.parse(stage.instructions.find(([name]) => name === instruction)?.[1] ?? '[]');
const entry = argumentsOf(image, 'ENTRYPOINT')[1] ?? '';

describe('the context', () => {
  const sources = stages.flatMap(({ copies }) =>
    copies.flatMap((copy) => (copy.from === undefined ? copy.sources : [])),
  );

  test.each([...new Set(sources)])('%s is there, and not ignored', (source) => {
    expect(existsSync(join(ROOT, source))).toBe(true);
    expect(isIgnored(source)).toBe(false);
  });

  test.each(['.git', 'node_modules', 'dist', 'test', 'keys', '.env', 'core/debug.log'])(
    '%s stays outside',
    (path) => {
      expect(isIgnored(path)).toBe(true);
    },
  );

  test('nothing is let in that no stage copies', () => {
    const kept = read('.dockerignore')
      .match(/^!.+$/gm)
      ?.map((line) => line.slice(1));
    expect(kept?.filter((path) => !sources.includes(path))).toEqual([]);
  });
});

describe('the image', () => {
  const copied = image.copies.flatMap(({ from, sources }) => (from === undefined ? sources : []));
  const manifest = JSON.parse(read('package.json'));

  test('holds every file that its command imports, and every package but those for development', async () => {
    const { metafile } = await build({
      absWorkingDir: ROOT,
      entryPoints: [entry],
      bundle: true,
      write: false,
      metafile: true,
      platform: 'node',
      format: 'esm',
      packages: 'external',
      outdir: 'out',
      logLevel: 'silent',
    });
    const files = Object.keys(metafile.inputs);
    expect(files.length).toBeGreaterThan(50);
    expect(files.filter((file) => !copied.some((path) => isBelow(file, path)))).toEqual([]);
    const packages = Object.values(metafile.outputs)
      .flatMap(({ imports }) => imports.filter(({ external }) => external).map(({ path }) => path))
      .filter((path) => !path.startsWith('node:'))
      .map((path) =>
        path
          .split('/')
          .slice(0, path.startsWith('@') ? 2 : 1)
          .join('/'),
      );
    const installed = { ...manifest.dependencies, ...manifest.optionalDependencies };
    expect([...new Set(packages)].filter((name) => !(name in installed))).toEqual([]);
  });

  test('runs as somebody who is not root, in a stage that installs nothing for development', () => {
    expect(image.instructions).toContainEqual(['USER', 'node']);
    const packages = stages.find(({ name }) => name === 'packages');
    expect(packages?.instructions.find(([, line]) => line.startsWith('npm ci'))?.[1]).toContain('--omit=dev');
    expect(image.copies.find(({ from }) => from === 'packages')?.sources).toEqual(['/app/node_modules']);
  });

  test('needs keys where it listens for others', () => {
    // Not in CMD, which whoever adds an option replaces.
    expect(argumentsOf(image, 'ENTRYPOINT').slice(-4)).toEqual(['--host', '0.0.0.0', '--keys', '/keys']);
    const [model = '', ...others] = argumentsOf(image, 'CMD');
    expect(statSync(join(ROOT, model, 'model.json')).isFile()).toBe(true);
    expect(others).toEqual([]);
  });
});

describe('its steps, in a folder that holds nothing else', () => {
  const folder = mkdtempSync(join(tmpdir(), 'vgg-edge-image-'));
  afterAll(() => rmSync(folder, { recursive: true, force: true }));
  const lay = ({ name, copies }: Stage) => {
    const app = join(folder, name, 'app');
    mkdirSync(app, { recursive: true });
    for (const { from, sources, target } of copies) {
      if (from === 'packages') continue;
      for (const source of sources) {
        const origin = from === undefined ? join(ROOT, source) : join(folder, from, source);
        const place = target.endsWith('/') ? join(app, target, source) : join(app, target);
        mkdirSync(dirname(place), { recursive: true });
        cpSync(origin, place, { recursive: true });
      }
    }
    symlinkSync(join(ROOT, 'node_modules'), join(app, 'node_modules'));
    return app;
  };

  test('the page is built, the server starts with it and is healthy, and SIGTERM ends it', async () => {
    const built = lay(page);
    const [program = '', ...args] = (page.instructions.findLast(([name]) => name === 'RUN')?.[1] ?? '').split(
      ' ',
    );
    const { status, stderr } = spawnSync(program, args, { cwd: built, encoding: 'utf8' });
    expect(status, stderr).toBe(0);

    const app = lay(image);
    const port = await freePort();
    const [node = '', ...rest] = argumentsOf(image, 'ENTRYPOINT');
    const model = argumentsOf(image, 'CMD')[0] ?? '';
    const keys = join(folder, 'keys');
    writeFileSync(keys, `test:${'0'.repeat(64)}\n`);
    const own = ['--host', '127.0.0.1', '--port', String(port), '--keys', keys];
    const server = spawn(node, [...rest, model, ...own], { cwd: app, stdio: 'ignore' });
    const ended = new Promise((resolve) => server.on('exit', resolve));
    try {
      const [, health = ''] = image.instructions.find(([name]) => name === 'HEALTHCHECK') ?? [];
      const check: string[] = JSON.parse(health.slice(health.indexOf('[')));
      const [probe = '', ...how] = check.map((part) => part.replace('8787', String(port)));
      const isHealthy = () => spawnSync(probe, how).status === 0;
      await expect.poll(isHealthy, { timeout: 60_000 }).toBe(true);
      expect((await fetch(`http://127.0.0.1:${port}/`)).headers.get('content-type')).toContain('text/html');
      server.kill('SIGTERM');
      expect(await ended).toBe(0);
      expect(isHealthy()).toBe(false);
    } finally {
      server.kill('SIGKILL');
    }
  });
});

/** Instructions of each stage, in order; a line that ends in a backslash goes on in the next. */
function readStages(dockerfile: string): Stage[] {
  const lines = dockerfile
    .replace(/\\\n\s*/g, ' ')
    .split('\n')
    .filter((line) => /^[A-Z]+ /.test(line));
  const result: { name: string; copies: Stage['copies'][number][]; instructions: [string, string][] }[] = [];
  for (const line of lines) {
    const [instruction = '', ...words] = line.split(' ');
    if (instruction === 'FROM') result.push({ name: words[2] ?? 'image', copies: [], instructions: [] });
    const stage = result.at(-1);
    stage?.instructions.push([instruction, words.join(' ')]);
    if (instruction !== 'COPY' || stage === undefined) continue;
    const from = words.find((word) => word.startsWith('--from='))?.slice('--from='.length);
    const paths = words.filter((word) => !word.startsWith('--')).map((path) => (path === './' ? '/' : path));
    stage.copies.push({
      ...(from === undefined ? {} : { from }),
      sources: paths.slice(0, -1),
      target: paths.at(-1) ?? '',
    });
  }
  return result;
}

/** As .dockerignore of this repository is written: all, then what is kept, then endings. */
function isIgnored(path: string): boolean {
  let ignored = false;
  for (const pattern of read('.dockerignore').split('\n')) {
    if (pattern === '*') ignored = true;
    else if (pattern.startsWith('!') && isBelow(path, pattern.slice(1))) ignored = false;
    else if (pattern.startsWith('**/*') && path.endsWith(pattern.slice('**/*'.length))) ignored = true;
  }
  return ignored;
}

function isBelow(path: string, folder: string): boolean {
  return path === folder || path.startsWith(`${folder}/`);
}

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const found = probe.address();
      probe.close(() => resolve(typeof found === 'object' && found !== null ? found.port : 0));
    });
  });
}
