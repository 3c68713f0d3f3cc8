// `npm run deploy:check`: builds the Worker exactly as wrangler would deploy it, without deploying, and fails
// where the platform would refuse it: the bundle's size, the assets' sizes, the time to start.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readdirSync, readFileSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, relative } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MAX_SHARD_BYTES } from '../core/manifest.ts';
import { stageAssets } from './stage-assets.ts';

const MIB = 1024 * 1024;

/** Cloudflare's limits of paid plans (developers.cloudflare.com/workers/platform/limits). */
const LIMITS = {
  /** Of all modules, each compressed. Newer pages say 64 MiB uncompressed: both must hold. */
  bundleGzip: 10 * MIB,
  bundle: 64 * MIB,
  asset: 25 * MIB,
  assets: 20_000,
  /** Milliseconds, on the platform's machines; this one's are near enough to notice a mistake. */
  startUp: 1000,
};

interface Check {
  readonly name: string;
  readonly found: number;
  readonly limit: number;
  readonly unit: 'MiB' | 'files' | 'ms';
}

const folder = mkdtempSync(join(tmpdir(), 'vgg-edge-deploy-'));
try {
  const checks = [...checkBundle(), ...checkAssets(stageAssets()), checkStartUp()];
  for (const { name, found, limit, unit } of checks) {
    const show = (value: number) => (unit === 'MiB' ? (value / MIB).toFixed(2) : value.toFixed(0));
    console.log(`${found <= limit ? '✓' : '✗'} ${name.padEnd(34)} ${show(found)} of ${show(limit)} ${unit}`);
  }
  const over = checks.filter(({ found, limit }) => found > limit);
  if (over.length > 0) {
    console.error(`Cloudflare would refuse this deployment: ${over.map(({ name }) => name).join(', ')}.`);
    process.exitCode = 1;
  }
} finally {
  rmSync(folder, { recursive: true, force: true });
}

function checkBundle(): Check[] {
  const output = join(folder, 'bundle');
  wrangler('deploy', '--dry-run', '--outdir', output);
  const modules = listFiles(output).filter((file) => /\.(?:js|wasm)$/.test(file));
  const sizes = modules.map((file) => {
    const content = readFileSync(file);
    return { raw: content.length, gzip: gzipSync(content, { level: 9 }).length };
  });
  const sum = (of: 'raw' | 'gzip') => sizes.reduce((total, size) => total + size[of], 0);
  return [
    { name: 'bundle, compressed', found: sum('gzip'), limit: LIMITS.bundleGzip, unit: 'MiB' },
    { name: 'bundle', found: sum('raw'), limit: LIMITS.bundle, unit: 'MiB' },
  ];
}

/** Shards stay below the platform's limit, so that a model moves between versions of it. */
function checkAssets(directory: string): Check[] {
  const files = listFiles(directory);
  const largest = files.toSorted((a, b) => statSync(b).size - statSync(a).size)[0];
  if (largest === undefined) {
    throw new Error(
      `Expected a model directory in ${directory} but found none: build one with 'vgg-edge build'.`,
    );
  }
  const limit = largest.endsWith('.bin') ? MAX_SHARD_BYTES : LIMITS.asset;
  return [
    { name: `asset ${relative(directory, largest)}`, found: statSync(largest).size, limit, unit: 'MiB' },
    { name: 'assets', found: files.length, limit: LIMITS.assets, unit: 'files' },
  ];
}

/** Time in which the profiler saw the isolate at work before the first request. */
function checkStartUp(): Check {
  const file = join(folder, 'startup.cpuprofile');
  wrangler('check', 'startup', '--outfile', file);
  const { nodes, samples, timeDeltas } = JSON.parse(readFileSync(file, 'utf8')) as CpuProfile;
  const idle = nodes.find(({ callFrame }) => callFrame.functionName === '(idle)')?.id;
  const micros = timeDeltas
    .filter((_, index) => samples[index] !== idle)
    .reduce((sum, delta) => sum + delta, 0);
  return { name: 'start-up', found: micros / 1000, limit: LIMITS.startUp, unit: 'ms' };
}

/** Chrome's format, as far as it is read here; times in microseconds. */
interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

function wrangler(...args: readonly string[]): void {
  const { status, stdout, stderr } = spawnSync('wrangler', args, {
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: 'true' },
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`wrangler ${args.join(' ')} failed:\n${stdout}${stderr}`);
}

function listFiles(directory: string): string[] {
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name));
}
