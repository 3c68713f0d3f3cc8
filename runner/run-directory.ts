// The run directory: where the files of a run stand (docs/runner.md). Whoever knows the folder and a shard's
// number can work on it.

import { readFile } from 'node:fs/promises';
import { dirname, join } from 'node:path';
import { InputError } from '../core/errors.ts';

export interface RunDirectory {
  readonly path: string;
  /** What was asked for: run.json. */
  readonly record: string;
  /** One file of items per shard. */
  readonly items: string;
  /** Written when the source has been listed to its end. */
  readonly listing: string;
  /** One marker per finished shard, and its failures. */
  readonly markers: string;
  /** Shards being written. */
  readonly work: string;
  readonly failures: string;
  readonly report: string;
  readonly summary: string;
}

export function runDirectory(path: string): RunDirectory {
  return {
    path,
    record: join(path, 'run.json'),
    items: join(path, 'items'),
    listing: join(path, 'items', 'listing.json'),
    markers: join(path, 'shards'),
    work: join(path, 'work'),
    failures: join(path, 'failures.jsonl'),
    report: join(path, 'report.html'),
    summary: join(path, 'summary.json'),
  };
}

/** `shard-000001` is the first. Names sort as numbers up to a million shards. */
export function shardName(number: number): string {
  return `shard-${String(number).padStart(6, '0')}`;
}

/** Undefined where there is no such file. */
export async function readIfThere(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    const code = error instanceof Error && 'code' in error ? error.code : undefined;
    if (code === 'ENOENT') return undefined;
    const problem =
      code === 'ENOTDIR'
        ? `Expected a folder at ${dirname(path)} but it is a file, or lies below one.`
        : `Expected a readable file at ${path} but ${error instanceof Error ? error.message : String(error)}.`;
    throw new InputError('invalid_file', problem, { cause: error });
  }
}

/** Parses a file of ours. Throws InputError('invalid_file') that names it. */
export function parseRunFile<T>(path: string, json: string, schema: { parse(value: unknown): T }): T {
  try {
    return schema.parse(JSON.parse(json));
  } catch (cause) {
    throw new InputError(
      'invalid_file',
      `Expected a file that vgg-edge embed has written at ${path}: ${cause instanceof Error ? cause.message : String(cause)}`,
      { cause },
    );
  }
}
