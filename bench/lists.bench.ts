// What a server gains by running several images together, by the engines of `vgg-edge serve`: those of a request's
// list, which are decoded together too, and those of requests that come at once. `--rounds=N` (4).

import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import sharp from 'sharp';
import { createEmbedder, type ImageSource } from '../core/embedder.ts';
import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import { createBatchingEngine } from '../engine/batching-engine.ts';
import { readManifest } from '../engine/model-file.ts';
import { createNodeDecoder } from '../engine/node/decode.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { type NodeEngine, nodeEngine } from '../server/node-engines.ts';
import { measure, type Timing, table } from './measure.ts';

const ROOT = join(import.meta.dirname, '..');
const MODEL = join(ROOT, 'models/default');
const ENGINES: readonly NodeEngine[] = ['onnxruntime-node', 'winograd'];
const TOGETHER = [1, 4, 8, 16];
const LIST = 32;
const AT_ONCE = 8;
const GEM = { layer: 'features', pool: 'gem', normalize: true } as const;

export async function run(options: readonly string[]): Promise<void> {
  const rounds = Number(options.find((option) => option.startsWith('--rounds='))?.slice(9) ?? 4);
  const jpeg = await samples();
  // Decoded on threads, where JPEG of this size is not.
  const png = await Promise.all(
    jpeg.map((file) => sharp(file).resize(1024, 768, { fit: 'fill' }).png().toBuffer()),
  );
  const rows: string[][] = [];
  for (const engine of ENGINES) {
    rows.push(...(await compare(engine, 'JPEG of samples/', jpeg, rounds)));
    rows.push(...(await compare(engine, 'PNG, 1024 × 768', png, rounds)));
  }
  console.log(`GeM descriptors, min / median ms; "at once": ${AT_ONCE} requests of one image\n`);
  console.log(table(['engine', 'images', 'together', `list of ${LIST}`, 'images/s', 'at once'], rows));
}

async function samples(): Promise<Uint8Array[]> {
  const folder = join(ROOT, 'samples');
  const names = (await readdir(folder)).filter((name) => name.endsWith('.jpg')).toSorted();
  return Promise.all(names.map((name) => readFile(join(folder, name))));
}

async function compare(
  name: NodeEngine,
  kind: string,
  files: readonly Uint8Array[],
  rounds: number,
): Promise<string[][]> {
  const images = Array.from({ length: LIST }, (_, index): ImageSource => {
    const bytes = files[index % files.length] ?? new Uint8Array();
    return { read: () => bytes };
  });
  const { manifest } = await readManifest(diskFiles(MODEL));
  const engine = (await nodeEngine(name, MODEL))(manifest, diskFiles(MODEL));
  const decoder = await createNodeDecoder();
  const embedders = TOGETHER.map((batchSize) =>
    createEmbedder({
      decoder,
      engine: createBatchingEngine(engine, { maxImages: batchSize }),
      sizes: manifest.preprocess,
      limits: LOCAL_IMAGE_LIMITS,
      batchSize,
      now: () => performance.now(),
    }),
  );
  const contest = (ask: (embedder: (typeof embedders)[number]) => Promise<unknown>) =>
    measure(
      embedders.map((embedder, place) => ({ name: `${TOGETHER[place]}`, run: () => ask(embedder) })),
      { rounds, warmup: 1 },
    );
  const lists = await contest((embedder) => embedder.embed(images, GEM));
  const singles = await contest((embedder) =>
    Promise.all(images.slice(0, AT_ONCE).map((image) => embedder.embed([image], GEM))),
  );
  await engine.dispose();
  return lists.map((list, place) => [
    name,
    kind,
    list.name,
    times(list),
    ((LIST / list.min) * 1000).toFixed(1),
    times(singles[place]),
  ]);
}

function times(timing: Timing | undefined): string {
  return `${timing?.min.toFixed(0)} / ${timing?.median.toFixed(0)}`;
}
