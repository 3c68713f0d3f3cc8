#!/usr/bin/env node
// `npx vgg-edge`: installs what is missing and runs the command line. Plain JavaScript, because the Node
// that the machine has (20 or later) may not read TypeScript; the one among the dependencies does.

import '../scripts/setup.mjs';
import { spawn } from 'node:child_process';
import { constants } from 'node:os';
import { fileURLToPath } from 'node:url';

const args = process.argv.slice(2);

if (process.features.typescript) {
  const { run } = await import('./main.ts');
  await run(args);
} else {
  const node = fileURLToPath(new URL('../node_modules/node/bin/node', import.meta.url));
  const child = spawn(node, [fileURLToPath(new URL('main.ts', import.meta.url)), ...args], {
    stdio: 'inherit',
  });
  // Ctrl-C reaches the child by itself; it decides what to finish.
  process.on('SIGINT', () => undefined);
  process.on('SIGTERM', () => child.kill('SIGTERM'));
  child.on('exit', (code, signal) =>
    process.exit(code ?? (signal === null ? 1 : 128 + constants.signals[signal])),
  );
}
