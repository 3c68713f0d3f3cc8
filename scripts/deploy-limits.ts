// What Cloudflare would refuse of a deployment, and what of its configuration does not fit together. Read by
// `npm run deploy:check`; pure but for reading the files that it is given.

import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { MAX_SHARD_BYTES } from '../core/manifest.ts';
import { readLimits } from '../worker/limits.ts';
import { readSettings } from '../worker/settings.ts';
import { listFiles } from './stage-assets.ts';

const MIB = 1024 * 1024;

/** Limits of paid plans (developers.cloudflare.com/workers/platform/limits). */
export const LIMITS = {
  /** Of all modules, each compressed. Newer pages say 64 MiB uncompressed: both must hold. */
  bundleGzip: 10 * MIB,
  bundle: 64 * MIB,
  asset: 25 * MIB,
  assets: 20_000,
  /** Milliseconds, on the platform's machines; this one's are near enough to notice a mistake. */
  startUp: 1000,
  variables: 128,
  variableBytes: 5 * 1024,
} as const;

export interface Check {
  readonly name: string;
  readonly found: number;
  readonly limit: number;
  readonly unit: 'MiB' | 'files' | 'ms' | 'KiB' | 'variables';
}

/** The modules that wrangler wrote into the folder, together: compressed one by one, and as they are. */
export function checkBundle(directory: string): Check[] {
  const modules = listFiles(directory).filter((file) => /\.(?:js|wasm)$/.test(file));
  if (modules.length === 0) throw new Error(`Expected a bundle in ${directory} but found no module.`);
  let [raw, gzip] = [0, 0];
  for (const file of modules) {
    const content = readFileSync(join(directory, file));
    raw += content.length;
    gzip += gzipSync(content, { level: 9 }).length;
  }
  return [
    { name: 'bundle, compressed', found: gzip, limit: LIMITS.bundleGzip, unit: 'MiB' },
    { name: 'bundle', found: raw, limit: LIMITS.bundle, unit: 'MiB' },
  ];
}

/**
 * One check for the number of files, one for the largest file, and one for each file beyond its limit. Shards
 * of weights stay below the platform's limit, so that a model moves between versions of it.
 */
export function checkAssets(directory: string): Check[] {
  const files = listFiles(directory).map((file): Check => {
    const limit = file.endsWith('.bin') ? MAX_SHARD_BYTES : LIMITS.asset;
    const found = statSync(join(directory, file)).size;
    return { name: `asset ${file}`, found, limit, unit: 'MiB' };
  });
  const largest = files.toSorted((a, b) => b.found - a.found)[0];
  if (largest === undefined) throw new Error(`Expected assets in ${directory} but found none.`);
  const over = files.filter((file) => file !== largest && file.found > file.limit);
  return [{ name: 'assets', found: files.length, limit: LIMITS.assets, unit: 'files' }, largest, ...over];
}

/** Chrome's format, as far as it is read here; times in microseconds. */
export interface CpuProfile {
  readonly nodes: readonly { readonly id: number; readonly callFrame: { readonly functionName: string } }[];
  readonly samples: readonly number[];
  readonly timeDeltas: readonly number[];
}

/** Time in which the profiler saw the isolate at work before the first request. */
export function checkStartUp({ nodes, samples, timeDeltas }: CpuProfile): Check {
  const idle = nodes.find(({ callFrame }) => callFrame.functionName === '(idle)')?.id;
  const micros = timeDeltas
    .filter((_, index) => samples[index] !== idle)
    .reduce((sum, delta) => sum + delta, 0);
  return { name: 'start-up', found: micros / 1000, limit: LIMITS.startUp, unit: 'ms' };
}

/** The part of wrangler's configuration that is looked at. */
export interface Configuration {
  readonly compatibility_date?: string | undefined;
  readonly compatibility_flags?: readonly string[];
  readonly vars: Readonly<Record<string, unknown>>;
  readonly ratelimits?: readonly { readonly simple: { readonly period: number } }[];
  readonly durable_objects: {
    readonly bindings: readonly { readonly name: string; readonly class_name: string }[];
  };
  readonly migrations: readonly { readonly new_sqlite_classes?: readonly string[] | undefined }[];
  readonly r2_buckets?: readonly { readonly binding: string }[];
}

export function checkVariables({ vars }: Configuration): Check[] {
  const sizes = Object.entries(vars).map(([name, value]) => ({
    name,
    bytes: Buffer.byteLength(typeof value === 'string' ? value : JSON.stringify(value)),
  }));
  const largest = sizes.toSorted((a, b) => b.bytes - a.bytes)[0];
  return [
    { name: 'variables', found: sizes.length, limit: LIMITS.variables, unit: 'variables' },
    ...(largest === undefined
      ? []
      : [
          {
            name: `variable ${largest.name}`,
            found: largest.bytes,
            limit: LIMITS.variableBytes,
            unit: 'KiB' as const,
          },
        ]),
  ];
}

export interface Surroundings {
  /** The folder of the static assets. */
  readonly assets: string;
  /** What the Worker's entry exports beside its handler. */
  readonly classes: readonly string[];
  /** The newest compatibility date that the installed runtime knows, so that it was tested with it. */
  readonly newest: string;
}

/** In words, what would not work once deployed; empty where all is well. */
export function findContradictions(
  {
    compatibility_date: date,
    vars,
    ratelimits = [],
    durable_objects,
    migrations,
    r2_buckets = [],
  }: Configuration,
  { assets, classes, newest }: Surroundings,
): string[] {
  const problems: string[] = [];
  if (date === undefined) problems.push('Expected a compatibility_date but found none.');
  else if (date > newest) {
    problems.push(
      `Expected a compatibility_date the installed runtime knows, at most ${newest}, but found ${date}.`,
    );
  }
  try {
    readSettings(
      vars,
      () => undefined,
      readLimits(vars),
      () => Promise.reject(new Error('not asked')),
    );
  } catch (error) {
    problems.push(error instanceof Error ? error.message : String(error));
  }
  for (const { simple } of ratelimits) {
    if (String(vars.RATE_PERIOD_SECONDS) !== String(simple.period)) {
      problems.push(
        `Expected RATE_PERIOD_SECONDS to be the rate limit's period, ${simple.period}, but found ${vars.RATE_PERIOD_SECONDS}.`,
      );
    }
  }
  const migrated = new Set(migrations.flatMap(({ new_sqlite_classes = [] }) => new_sqlite_classes));
  for (const { name, class_name } of durable_objects.bindings) {
    if (!classes.includes(class_name))
      problems.push(`Expected the Worker to export ${class_name}, which ${name} binds.`);
    if (!migrated.has(class_name))
      problems.push(`Expected a migration with new_sqlite_classes for ${class_name}.`);
  }
  const manifest = `models/${vars.MODEL}/model.json`;
  const inBucket = r2_buckets.some(({ binding }) => binding === 'MODELS');
  if (!inBucket && statSync(join(assets, manifest), { throwIfNoEntry: false }) === undefined) {
    problems.push(
      `Expected the model that MODEL names among the assets, ${manifest}, or a bucket bound as MODELS.`,
    );
  }
  return problems;
}

/** A line per check: ✓ or ✗, its name, what was found, and the limit. */
export function describeChecks(checks: readonly Check[]): string {
  return checks
    .map(({ name, found, limit, unit }) => {
      const show = (value: number) =>
        unit === 'MiB'
          ? (value / MIB).toFixed(2)
          : unit === 'KiB'
            ? (value / 1024).toFixed(2)
            : value.toFixed(0);
      return `${found <= limit ? '✓' : '✗'} ${name.padEnd(46)} ${show(found)} of ${show(limit)} ${unit}`;
    })
    .join('\n');
}
