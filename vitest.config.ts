// Two projects: `node` for everything, `workerd` for what has to hold in the Workers' runtime, with the
// Worker's own configuration.

import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';
import { stageAssets } from './scripts/stage-assets.ts';
import { CHROMIUM } from './test/web/chromium.ts';

// The Worker's configuration names this folder.
stageAssets();

// No test needs a network, nor does the runtime that runs them.
process.env.CLOUDFLARE_CF_FETCH_ENABLED = 'false';
process.env.WRANGLER_SEND_METRICS = 'false';

/** Need a browser: left out, and not counted, where there is none. */
const PAGE_TESTS = 'test/web/page*.test.ts';
if (CHROMIUM === undefined) {
  console.warn(
    `${PAGE_TESTS} are left out: no Chromium on this machine. Install one (Debian: apt-get install chromium) or give its path in CHROMIUM.`,
  );
}

/** Milliseconds. The first run of a session loads up to 30 MB; machines that run tests are often busy. */
const PATIENCE = 300_000;
const timeouts = { testTimeout: PATIENCE, hookTimeout: PATIENCE };

export default defineConfig({
  test: {
    silent: 'passed-only',
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/worker/**', ...(CHROMIUM === undefined ? [PAGE_TESTS] : [])],
          ...timeouts,
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
        test: {
          name: 'workerd',
          // What is in test/api holds in both runtimes.
          include: ['test/worker/**/*.test.ts', 'test/api/**/*.test.ts'],
          // One isolate for all files: the engine's WASM (14 MB) takes seconds to get into each.
          isolate: false,
          fileParallelism: false,
          ...timeouts,
        },
      },
    ],
  },
});
