#!/usr/bin/env node
// Starts the command line on a Node that runs TypeScript: this one, or the Node 24 among the development
// dependencies. Plain JavaScript because an older Node may read it.

import { spawnSync } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const args = process.argv.slice(2);
if (process.features.typescript) {
  const { main } = await import('./main.ts');
  process.exitCode = await main(args);
} else {
  const node = fileURLToPath(new URL('../node_modules/.bin/node', import.meta.url));
  const program = fileURLToPath(new URL('./main.ts', import.meta.url));
  const { status, error } = spawnSync(node, [program, ...args], { stdio: 'inherit' });
  if (error !== undefined) {
    console.error('error: Expected Node 24 or later, or the one that `npm ci` installs, but found neither.');
  }
  process.exitCode = status ?? 1;
}
