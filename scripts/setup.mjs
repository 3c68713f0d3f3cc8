// Installs the dependencies when they are missing or the lock file has changed since. Plain JavaScript
// because it runs before anything is installed, on whatever Node (20 or later) the machine has. npm runs it
// as a `pre` script: only a shell started afterwards finds the Node 24 that it installs.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}node_modules/.vgg-edge-lock`;
const lock = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');

if (installedLock() !== lock) {
  console.log('Installing the dependencies (once; about a minute) …');
  // `ci` would first remove what a server that is running may still be using.
  const command = existsSync(`${root}node_modules`) ? 'install' : 'ci';
  const install = spawnSync('npm', [command, '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // The CUDA libraries that onnxruntime-node would download are used by no command run from here.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (install.status !== 0) {
    console.error('Installing failed: see above. `npm ci` repeats it by hand; it needs a package registry.');
    process.exit(install.status ?? 1);
  }
  writeFileSync(stamp, lock);
}

function installedLock() {
  try {
    return readFileSync(stamp, 'utf8');
  } catch {
    return undefined;
  }
}
