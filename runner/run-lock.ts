// One process works on a run directory at a time. The lock is a file that its owner touches now and then, so
// that the lock of a process that was killed, here or on another machine, is recognised and taken over.

import { open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import * as z from 'zod';
import { InputError } from '../core/errors.ts';

const ownerSchema = z.strictObject({ host: z.string(), pid: z.int().min(1) });

/** Milliseconds between touches, and after how long without one the owner counts as dead. */
const TOUCH = 5000;
const STALE = 60_000;

/** Throws InputError where another living process holds it. Resolves to what releases it. */
export async function lockRun(directory: string): Promise<() => Promise<void>> {
  const path = join(directory, '.lock');
  for (let attempt = 0; ; attempt += 1) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(JSON.stringify({ host: hostname(), pid: process.pid }));
      await file.close();
      break;
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      if (!taken || attempt > 3) throw error;
      await removeIfDead(path, directory);
    }
  }
  const touching = setInterval(() => {
    const now = new Date();
    // A lock that cannot be touched is looked at again at the next turn.
    utimes(path, now, now).catch(() => undefined);
  }, TOUCH);
  touching.unref();
  return async () => {
    clearInterval(touching);
    await rm(path, { force: true });
  };
}

async function removeIfDead(path: string, directory: string): Promise<void> {
  const [text, found] = await Promise.all([
    readFile(path, 'utf8').catch(() => ''),
    stat(path).catch(() => undefined),
  ]);
  if (found === undefined) return;
  const age = Date.now() - found.mtimeMs;
  const owner = parseOwner(text);
  // Between being created and being written the file is empty.
  const dead =
    owner === undefined ? age > TOUCH : age > STALE || (owner.host === hostname() && !alive(owner.pid));
  if (!dead) {
    throw new InputError(
      'invalid_argument',
      `Expected ${directory} for this process alone, but process ${owner?.pid ?? '?'} on ${owner?.host ?? '?'} is at work in it. Wait for it, or stop it first.`,
      { param: 'out' },
    );
  }
  await rm(path, { force: true });
}

function parseOwner(text: string): z.infer<typeof ownerSchema> | undefined {
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
