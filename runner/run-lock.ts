// One process works on a run directory at a time. The lock is a file that its owner touches now and then, so
// that the lock of a process that was killed, here or on another machine, is recognised and taken over. An
// owner that was only suspended finds that out when it touches next, and stops.

import { randomUUID } from 'node:crypto';
import { link, open, readdir, readFile, rename, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';
import { InputError } from '../core/errors.ts';

const ownerSchema = z.strictObject({
  host: z.string(),
  pid: z.int().min(1),
  /** When the process began, milliseconds: a container's first process has the same pid after a restart. */
  began: z.number(),
  token: z.string(),
});
type Owner = z.infer<typeof ownerSchema>;

export interface RunLock {
  /** Aborted when the lock is found to be another's. */
  readonly signal: AbortSignal;
  /** Removes the lock; one that is another's stays, and an InputError says so. */
  release(): Promise<void>;
}

/** Milliseconds between touches, and after how long without one the owner counts as dead. */
const TOUCH = 5000;
const STALE = 60_000;
/** Milliseconds between two looks at a lock that is being written. */
const LOOK = 200;
const BEGAN = performance.timeOrigin;
const LOCK = '.lock';
const MOVED = `${LOCK}-`;

/** Throws InputError where another living process holds it. */
export async function lockRun(directory: string): Promise<RunLock> {
  const path = join(directory, LOCK);
  const owner: Owner = { host: hostname(), pid: process.pid, began: BEGAN, token: randomUUID() };
  const own = JSON.stringify(owner);
  for (let attempt = 0; ; attempt += 1) {
    try {
      const file = await open(path, 'wx');
      await file.writeFile(own);
      await file.close();
      break;
    } catch (error) {
      const taken = error instanceof Error && 'code' in error && error.code === 'EEXIST';
      if (!taken || attempt > 3) throw error;
      await removeIfDead(path, directory);
    }
  }
  const lost = new AbortController();
  /** A lock that cannot be read is looked at again at the next turn; one that is gone protects nothing. */
  const isOwn = async (): Promise<boolean> => (await readLock(path).catch(() => own)) === own;
  const touch = async (): Promise<void> => {
    const now = new Date();
    if (await isOwn()) await utimes(path, now, now).catch(() => undefined);
    else lost.abort();
  };
  const touching = setInterval(() => void touch(), TOUCH);
  touching.unref();
  return {
    signal: lost.signal,
    async release() {
      clearInterval(touching);
      if (!(await isOwn())) throw takenOver(directory);
      await rm(path, { force: true });
      await removeMoved(directory);
    },
  };
}

/** What those leave that were killed while they took a dead lock over. */
async function removeMoved(directory: string): Promise<void> {
  for (const name of await readdir(directory)) {
    if (name.startsWith(MOVED)) await rm(join(directory, name), { force: true });
  }
}

/** Undefined where there is none. */
async function readLock(path: string): Promise<string | undefined> {
  try {
    return await readFile(path, 'utf8');
  } catch (error) {
    if (error instanceof Error && 'code' in error && error.code === 'ENOENT') return undefined;
    throw error;
  }
}

async function removeIfDead(path: string, directory: string): Promise<void> {
  const found = await readOwner(path);
  if (found === undefined) return;
  const { text, owner, age } = found;
  const dead = owner === undefined || age > STALE || (owner.host === hostname() && !isAlive(owner));
  if (!dead) {
    throw new InputError(
      'invalid_argument',
      `Expected ${directory} for this process alone, but process ${owner.pid} on ${owner.host} is at work in it. Wait for it, or stop it first.`,
      { param: 'out' },
    );
  }
  // Moved away before it is removed: others may be taking it over too, and one of them may have done so.
  const moved = join(directory, `${MOVED}${randomUUID()}`);
  try {
    await rename(path, moved);
  } catch {
    return;
  }
  if ((await readLock(moved)) !== text) await link(moved, path).catch(() => undefined);
  await rm(moved, { force: true });
}

/**
 * Whose the lock is, and milliseconds since it was touched. Between being created and being written it is empty:
 * that is waited for, and whoever was killed in between has no name. Undefined where there is no lock.
 */
async function readOwner(
  path: string,
): Promise<{ text: string; owner: Owner | undefined; age: number } | undefined> {
  for (;;) {
    const [text, found] = await Promise.all([
      readLock(path).catch(() => ''),
      stat(path).catch(() => undefined),
    ]);
    if (text === undefined || found === undefined) return undefined;
    const owner = parseOwner(text);
    const age = Date.now() - found.mtimeMs;
    if (owner !== undefined || age > TOUCH) return { text, owner, age };
    await wait(LOOK);
  }
}

function takenOver(directory: string): InputError {
  return new InputError(
    'invalid_argument',
    `Expected ${directory} for this process alone, but another one has taken it over while this one was suspended, or its lock was removed. What was done stays.`,
    { param: 'out' },
  );
}

function parseOwner(text: string): Owner | undefined {
  try {
    return ownerSchema.parse(JSON.parse(text));
  } catch {
    return undefined;
  }
}

function isAlive({ pid, began }: Owner): boolean {
  if (pid === process.pid) return began === BEGAN;
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return error instanceof Error && 'code' in error && error.code === 'EPERM';
  }
}
