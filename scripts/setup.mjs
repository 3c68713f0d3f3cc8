// Installs the dependencies when they are missing or the lock file has changed since. Plain JavaScript
// because it runs before anything is installed, on whatever Node (20 or later) the machine has.

import { spawnSync } from 'node:child_process';
import { createHash } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';

const root = fileURLToPath(new URL('..', import.meta.url));
const stamp = `${root}node_modules/.vgg-edge-lock`;
const lock = createHash('sha256')
  .update(readFileSync(`${root}package-lock.json`))
  .digest('hex');

if (installedLock() !== lock) {
  console.log('Installing the dependencies (once; about a minute) …');
  const install = spawnSync('npm', ['ci', '--no-audit', '--no-fund', '--loglevel=error'], {
    cwd: root,
    // The CUDA libraries that onnxruntime-node would download are used by no command run from here.
    env: { ...process.env, ONNXRUNTIME_NODE_INSTALL: 'skip' },
    stdio: ['ignore', 'ignore', 'inherit'],
    shell: process.platform === 'win32',
  });
  if (install.status !== 0) {
    console.error('Installing failed: see above. `npm ci` needs a package registry that can be reached.');
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
