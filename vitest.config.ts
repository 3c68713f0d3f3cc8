// Two projects: `node` for everything, `workerd` for what has to hold in the Workers' runtime, with the
// Worker's own configuration.

import { cloudflareTest } from '@cloudflare/vitest-plugin';
import { defineConfig } from 'vitest/config';

// The first run of a session loads 10 to 30 MB of weights; several tests run the network a few times.
const testTimeout = 60_000;

export default defineConfig({
  test: {
    projects: [
      {
        test: {
          name: 'node',
          include: ['test/**/*.test.ts'],
          exclude: ['test/worker/**'],
          testTimeout,
        },
      },
      {
        plugins: [cloudflareTest({ wrangler: { configPath: './wrangler.toml' } })],
        test: {
          name: 'workerd',
          include: ['test/worker/**/*.test.ts'],
          testTimeout,
        },
      },
    ],
  },
});
