// The Worker as `npm start` runs it: bundled by wrangler, in workerd, on a loopback port of its own.

import { join } from 'node:path';
import { unstable_startWorker } from 'wrangler';

const ROOT = join(import.meta.dirname, '../..');

export type DevWorker = Awaited<ReturnType<typeof unstable_startWorker>>;

export function startDevWorker(): Promise<DevWorker> {
  return unstable_startWorker({
    config: join(ROOT, 'wrangler.toml'),
    dev: {
      server: { hostname: '127.0.0.1', port: 0 },
      inspector: false,
      watch: false,
      persist: false,
      logLevel: 'none',
    },
  });
}
