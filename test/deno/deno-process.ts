// server/deno-main.ts as a process of Deno's, with the permissions that docs/deploy.md gives it.

import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const ROOT = join(import.meta.dirname, '../..');

export interface DenoProcess {
  readonly url: string;
  /** What it has printed so far. */
  output(): string;
  /** SIGTERM; the exit code. */
  stop(): Promise<number | null>;
}

/** `readable`: folders outside the repository. Throws an Error with the output when it ends instead of serving. */
export async function startDeno(
  args: readonly string[],
  {
    readable = [],
    env = {},
  }: { readonly readable?: readonly string[]; readonly env?: NodeJS.ProcessEnv } = {},
): Promise<DenoProcess> {
  const child = spawn(
    join(ROOT, 'node_modules/.bin/deno'),
    [
      'run',
      '--no-prompt',
      '--no-lock',
      '--cached-only',
      '--allow-net=127.0.0.1',
      `--allow-read=${['.', ...readable].join(',')}`,
      'server/deno-main.ts',
      '--port=0',
      ...args,
    ],
    {
      cwd: ROOT,
      stdio: ['ignore', 'pipe', 'pipe'],
      env: {
        ...process.env,
        DENO_DIR: join(ROOT, '.cache/deno'),
        DENO_NO_UPDATE_CHECK: '1',
        NO_COLOR: '1',
        ...env,
      },
    },
  );
  const ended = once(child, 'exit').then(([code]) => code as number | null);
  let output = '';
  const url = await new Promise<string>((resolve, reject) => {
    const hear = (text: Buffer) => {
      output += text;
      const serving = /serves at (\S+)/.exec(output)?.[1];
      if (serving !== undefined) resolve(serving);
    };
    child.stdout.on('data', hear);
    child.stderr.on('data', hear);
    child.once('error', reject);
    child.once('close', () => reject(new Error(output)));
  });
  return { url, output: () => output, stop: () => stop(child, ended) };
}

function stop(child: ChildProcess, ended: Promise<number | null>): Promise<number | null> {
  child.kill('SIGTERM');
  return ended;
}
