// One process works on a run directory at a time. The lock is a file that its owner touches now and then, so
// that the lock of a process that was killed, here or on another machine, is recognised and taken over. An
// owner that was only suspended finds that out when it touches next, and stops.

import { randomUUID } from 'node:crypto';
import { open, readFile, rm, stat, utimes } from 'node:fs/promises';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import * as z from 'zod';
import { InputError } from '../core/errors.ts';
import { writing } from './durable-file.ts';

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

/** Throws InputError where another living process holds it, and SourceError where it cannot be written. */
export async function lockRun(directory: string): Promise<RunLock> {
  const path = join(directory, LOCK);
  const own = await take(path);
  if (typeof own !== 'string') throw inUse(directory, own);
  const lost = new AbortController();
  const touch = async (): Promise<void> => {
    const now = new Date();
    if (await holds(path, own)) await utimes(path, now, now).catch(() => undefined);
    else lost.abort();
  };
  const touching = setInterval(() => void touch(), TOUCH);
  touching.unref();
  return {
    signal: lost.signal,
    async release() {
      clearInterval(touching);
      if (!(await holds(path, own))) throw takenOver(directory);
      await clear(takeover(path));
      await rm(path, { force: true });
    },
  };
}

/** The text of our lock, or the living owner of the one that is there. */
async function take(path: string): Promise<string | Owner> {
  const owner: Owner = { host: hostname(), pid: process.pid, began: BEGAN, token: randomUUID() };
  const own = JSON.stringify(owner);
  for (;;) {
    if (await create(path, own)) {
      // Whoever was held up before it was written has been taken for dead.
      if (await holds(path, own)) return own;
      continue;
    }
    const living = await clear(path);
    if (living !== undefined) return living;
  }
}

/** False where there is one. */
async function create(path: string, own: string): Promise<boolean> {
  return await writing(path, async () => {
    const file = await open(path, 'wx').catch((error: unknown) => {
      if (error instanceof Error && 'code' in error && error.code === 'EEXIST') return undefined;
      throw error;
    });
    if (file === undefined) return false;
    try {
      await file.writeFile(own);
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    } finally {
      await file.close();
    }
    return true;
  });
}

/**
 * Removes a lock whose owner is dead; the owner of one that is alive stays and is returned. A dead lock is
 * removed under a lock of its own and looked at again there: of many that found it dead, a late one would
 * remove the lock that an earlier one has taken meanwhile.
 */
async function clear(path: string): Promise<Owner | undefined> {
  for (;;) {
    const found = await readOwner(path);
    if (found === undefined) return undefined;
    if (!found.dead) return found.owner;
    const own = await take(takeover(path));
    if (typeof own !== 'string') {
      await wait(LOOK);
      continue;
    }
    if ((await readOwner(path))?.dead === true) await rm(path, { force: true });
    if (await holds(takeover(path), own)) await rm(takeover(path), { force: true });
  }
}

/** The lock under which the one at `path` is taken over. */
const takeover = (path: string): string => `${path}-takeover`;

/** A lock that cannot be read is looked at again at the next turn; one that is gone protects nothing. */
async function holds(path: string, own: string): Promise<boolean> {
  return (await readLock(path).catch(() => own)) === own;
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

/**
 * Whose the lock is, and whether its owner is dead. Between being created and being written it is empty: that is
 * waited for, and whoever was killed in between has no name. Undefined where there is no lock.
 */
async function readOwner(path: string): Promise<{ dead: true } | { dead: false; owner: Owner } | undefined> {
  for (;;) {
    const [text, found] = await Promise.all([
      readLock(path).catch(() => ''),
      stat(path).catch(() => undefined),
    ]);
    if (text === undefined || found === undefined) return undefined;
    const owner = parseOwner(text);
    const age = Date.now() - found.mtimeMs;
    if (owner === undefined && age <= TOUCH) {
      await wait(LOOK);
      continue;
    }
    const dead = owner === undefined || age > STALE || (owner.host === hostname() && !isAlive(owner));
    return dead ? { dead } : { dead, owner };
  }
}

function inUse(directory: string, { pid, host }: Owner): InputError {
  return new InputError(
    'invalid_argument',
    `Expected ${directory} for this process alone, but process ${pid} on ${host} is at work in it. Wait for it, or stop it first.`,
    { param: 'out' },
  );
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
