// What one isolate holds while it answers with scores, JavaScript and WebAssembly together, in workerd: large
// photographs of every format, each in a Worker of its own, and the largest of each that the limits let through.
// `--models=DIR,DIR` takes other model directories than models/default.

import { cp, mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join, resolve } from 'node:path';
import { readManifest } from '../engine/model-file.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { stageAssets } from '../scripts/stage-assets.ts';
import { startMeasured } from './isolate-memory.ts';
import { type Picture, pictures } from './isolate-pictures.ts';
import { table } from './measure.ts';

const DEFAULT = join(import.meta.dirname, '../models/default');

export async function run(options: readonly string[]): Promise<void> {
  const models = options.find((option) => option.startsWith('--models='))?.slice('--models='.length);
  const sent: Picture[] = [];
  for await (const picture of pictures()) sent.push(picture);
  const assets = await mkdtemp(join(tmpdir(), 'vgg-edge-bench-'));
  try {
    await cp(stageAssets(), assets, { recursive: true });
    for (const directory of models?.split(',') ?? [DEFAULT]) {
      const { id } = await readManifest(diskFiles(directory));
      const name = basename(resolve(directory));
      await cp(directory, join(assets, 'models', name), { recursive: true, force: true });
      const rows = [];
      for (const picture of sent) rows.push(await measurePicture(assets, name, picture));
      console.log(`\n${id}, /v1/classify, MB (10⁶ bytes)\n`);
      console.log(
        table(['picture', 'file', 'answer', 'JS heap', 'JS buffers', 'network', 'decoder', 'together'], rows),
      );
    }
  } finally {
    await rm(assets, { recursive: true });
  }
}

async function measurePicture(
  assets: string,
  model: string,
  { name, type, bytes }: Picture,
): Promise<string[]> {
  const worker = await startMeasured(assets, model);
  try {
    const response = await fetch(`${worker.url}/v1/classify`, {
      method: 'POST',
      headers: { 'content-type': type },
      body: bytes,
    });
    await response.arrayBuffer();
    const { heap, buffers, engine, ...memory } = await worker.memory();
    // PNG is decoded by JavaScript: its pixels are among the buffers.
    const decoder = type === 'image/png' ? 0 : memory.decoder;
    const megabytes = [bytes.length, heap, buffers, engine, decoder, heap + buffers + engine + decoder].map(
      (value) => (value / 1e6).toFixed(1),
    );
    const [file = '', ...parts] = megabytes;
    return [name, file, String(response.status), ...parts];
  } finally {
    await worker.dispose();
  }
}
