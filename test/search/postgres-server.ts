// A PostgreSQL of its own for a test or a benchmark: from the system's programs, in a folder, reached by a
// socket in it. It is skipped, loudly, where the programs or pgvector are not installed.

import { execFile, spawn } from 'node:child_process';
import { chown, mkdir, readdir, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INSTALLED = '/usr/lib/postgresql';
const PATIENCE_MS = 30_000;

export interface PostgresPrograms {
  /** Folder of initdb and postgres. */
  readonly programs: string;
  readonly version: string;
}

export interface PostgresServer {
  readonly url: string;
  /** As a power failure does: at once, with all its processes. */
  kill(): void;
  /** Waits until everything is on disk. */
  stop(): Promise<void>;
}

/** The newest that has pgvector; else why there is none. */
export async function findPostgres(): Promise<PostgresPrograms | string> {
  const versions = await readdir(INSTALLED).catch(() => []);
  for (const version of versions.sort((a, b) => Number(b) - Number(a))) {
    const extension = `/usr/share/postgresql/${version}/extension/vector.control`;
    if (await stat(extension).catch(() => undefined)) {
      return { programs: join(INSTALLED, version, 'bin'), version };
    }
  }
  return versions.length === 0
    ? `no PostgreSQL in ${INSTALLED} (apt install postgresql)`
    : `PostgreSQL ${versions.join(', ')} without pgvector (apt install postgresql-${versions[0]}-pgvector, or make install of github.com/pgvector/pgvector)`;
}

/** Takes up the database in the folder `data`, or makes one there. */
export async function startPostgres({ programs }: PostgresPrograms, data: string): Promise<PostgresServer> {
  const user = await unprivileged();
  await mkdir(data, { recursive: true });
  if (user !== undefined) await chown(data, user.uid, user.gid);
  const isNew = (await readdir(data)).length === 0;
  if (isNew) {
    const options = ['-D', data, '-U', 'bench', '-A', 'trust', '-E', 'UTF8', '--no-locale'];
    await run(join(programs, 'initdb'), options, { ...user, cwd: '/' });
  }
  const server = spawn(
    join(programs, 'postgres'),
    [
      '-D',
      data,
      '-k',
      data,
      '-c',
      'listen_addresses=',
      '-c',
      'maintenance_work_mem=1GB',
      '-c',
      'shared_buffers=1GB',
    ],
    { ...user, cwd: '/', stdio: 'ignore', detached: true },
  );
  const ended = new Promise<void>((resolve) => server.once('exit', () => resolve()));
  const url = `postgres://bench@/postgres?host=${encodeURIComponent(data)}`;
  const deadline = Date.now() + PATIENCE_MS;
  for (;;) {
    const answer = await run(join(programs, 'pg_isready'), ['-h', data, '-U', 'bench'], user).catch(() => 0);
    if (answer !== 0) break;
    if (server.exitCode !== null || Date.now() > deadline)
      throw new Error(`PostgreSQL did not start in ${data}.`);
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
  return {
    url,
    kill() {
      if (server.pid !== undefined) process.kill(-server.pid, 'SIGKILL');
    },
    async stop() {
      // "Fast": ends the sessions, writes everything.
      server.kill('SIGINT');
      await ended;
    },
  };
}

/** PostgreSQL refuses to run as root: Debian's package has a user for it. */
async function unprivileged(): Promise<{ uid: number; gid: number } | undefined> {
  if (process.getuid?.() !== 0) return undefined;
  const idOf = async (flag: string) => Number((await run('id', [flag, 'postgres'])).stdout);
  return { uid: await idOf('-u'), gid: await idOf('-g') };
}
