// A process killed (-9) amid upserts or compaction: every batch it acknowledged is there when the next one opens the store.

import { spawn } from 'node:child_process';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { expect, test } from 'vitest';
import { openLanceDbStore } from '../../search/node/lancedb-store.ts';
import { space } from './vector-store-contract.ts';

test.each(['upserts', 'compacts'])('loses no acknowledged item when killed as it %s', async (doing) => {
  const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-crash-'));
  try {
    const writer = join(import.meta.dirname, 'crashing-writer.ts');
    const child = spawn(process.execPath, [writer, folder, JSON.stringify(space), doing], {
      stdio: ['ignore', 'pipe', 'ignore'],
    });
    let acknowledged = -1;
    for await (const line of createInterface({ input: child.stdout })) {
      acknowledged = Number(line);
      // While the next batch is being written, or these are being put together.
      if (acknowledged === 5) child.kill('SIGKILL');
    }
    expect(acknowledged).toBeGreaterThanOrEqual(5);
    const store = await openLanceDbStore(folder);
    const index = await store.open('crash');
    const ids = Array.from({ length: acknowledged + 1 }, (_, batch) => batch).flatMap((batch) =>
      Array.from({ length: 20 }, (_, place) => `${batch}-${place}`),
    );
    expect((await index.get(ids)).map(({ id }) => id)).toEqual(ids);
    await index.upsert(space, [
      { id: 'after', vector: new Float32Array(space.dimensions).fill(1), metadata: {} },
    ]);
    expect(await index.get(['after'])).toHaveLength(1);
    await store.close();
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
});
