// What the Worker serves beside its code → dist/assets: the models, the page built from web/, the samples.
// One folder because the platform takes one; made anew wherever it is needed (npm start, npm test, deploy),
// so that nothing generated is committed. `npm run build:web` runs it by hand.

import {
  copyFileSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { dirname, join } from 'node:path';
import { buildSync } from 'esbuild';
import { listSamples } from './list-samples.ts';

const ROOT = join(import.meta.dirname, '..');
const ASSETS = join(ROOT, 'dist/assets');

/**
 * Scripts of the page, each loaded on its own: the page, its Web Worker, what that loads where there is
 * WebGPU, its service worker.
 */
const SCRIPTS = ['main.ts', 'model-worker.ts', 'gpu-engine.ts', 'service-worker.js'];

/**
 * Of onnxruntime-web's builds with WebGPU the one that suspends WebAssembly (JSPI): its runtime has 17 MB, the
 * others' 27 and 28, and an asset may have 25 (docs/decisions/page.md).
 */
const ALIASES = { 'onnxruntime-web/webgpu': 'onnxruntime-web/jspi' };

/** Files that the page loads as they are: name among the assets → where it lies. */
const COPIED: Readonly<Record<string, string>> = {
  'web/index.html': 'web/index.html',
  'web/style.css': 'web/style.css',
  'web/icon.svg': 'web/icon.svg',
  'web/kernel.wasm': 'engine/winograd/kernel.wasm',
  'web/jpeg-turbo.wasm': 'node_modules/@cwasm/jpeg-turbo/jpeg-turbo.wasm',
  'web/webp.wasm': 'node_modules/@cwasm/webp/webp.wasm',
  'web/ort-webgpu.wasm': 'node_modules/onnxruntime-web/dist/ort-wasm-simd-threaded.jspi.wasm',
};

/** Brings dist/assets up to date and returns its path. May run in several processes at once. */
export function stageAssets(): string {
  const samples = listSamples();
  const copied = new Map([
    ...Object.entries(COPIED),
    ...samples.map(({ file }) => [`web/samples/${file}`, `samples/${file}`] as const),
    ...listFiles(join(ROOT, 'models')).map((path) => [`models/${path}`, `models/${path}`] as const),
  ]);
  const written = new Map<string, Uint8Array>([
    ['web/samples.json', new TextEncoder().encode(JSON.stringify(samples))],
    ...buildScripts(),
  ]);
  for (const [name, source] of copied) place(join(ASSETS, name), join(ROOT, source));
  for (const [name, content] of written) write(join(ASSETS, name), content);
  for (const path of listFiles(ASSETS)) {
    if (copied.has(path) || written.has(path) || isBeingWritten(path)) continue;
    rmSync(join(ASSETS, path), { force: true });
  }
  return ASSETS;
}

function buildScripts(): [string, Uint8Array][] {
  const { outputFiles } = buildSync({
    absWorkingDir: ROOT,
    entryPoints: SCRIPTS.map((name) => `web/${name}`),
    outdir: join(ASSETS, 'web'),
    alias: ALIASES,
    bundle: true,
    minify: true,
    format: 'esm',
    target: 'es2022',
    legalComments: 'none',
    write: false,
    logLevel: 'warning',
  });
  return outputFiles.map(({ path, contents }) => [`web/${path.split(/[\\/]/).at(-1) ?? ''}`, contents]);
}

/** A hard link; a copy, made anew each time, where the file system has none. Times of change prove nothing. */
function place(target: string, source: string): void {
  const wanted = statSync(source);
  const found = statSync(target, { throwIfNoEntry: false });
  if (found?.ino === wanted.ino && found.dev === wanted.dev) return;
  replace(target, (temporary) => {
    try {
      linkSync(source, temporary);
    } catch {
      copyFileSync(source, temporary);
    }
  });
}

/** Only what has changed is written, so that a watching server does not start again for nothing. */
function write(target: string, content: Uint8Array): void {
  const found = statSync(target, { throwIfNoEntry: false });
  if (found?.size === content.length && readFileSync(target).equals(content)) return;
  replace(target, (temporary) => writeFileSync(temporary, content));
}

/** Whoever reads meanwhile has the old file or the new one, never a part. */
function replace(target: string, make: (temporary: string) => void): void {
  mkdirSync(dirname(target), { recursive: true });
  const temporary = `${target}.${process.pid}.tmp`;
  rmSync(temporary, { force: true });
  make(temporary);
  renameSync(temporary, target);
  rmSync(temporary, { force: true });
}

/** A temporary file of a process that is there; one that was killed comes back for nothing. */
function isBeingWritten(path: string): boolean {
  const pid = /\.(\d+)\.tmp$/.exec(path)?.[1];
  if (pid === undefined) return false;
  try {
    process.kill(Number(pid), 0);
    return true;
  } catch (error) {
    // It may be another user's.
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}

/** Paths below the folder, with `/`. */
export function listFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) =>
      join(entry.parentPath, entry.name)
        .slice(folder.length + 1)
        .replaceAll('\\', '/'),
    );
}

if (import.meta.main) console.log(stageAssets());
