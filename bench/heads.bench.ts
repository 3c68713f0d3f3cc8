// The whole of vgg11_bn with 1000 classes in our engine, by form of the full-size head: those among which
// `build --memory` chooses. The head's weights are random bytes, which take the same time as any.

import { readFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { familyMember, linearShapes } from '../core/family.ts';
import {
  MAX_SHARD_BYTES,
  type Manifest,
  type ManifestLinear,
  type ManifestShard,
  type ManifestTensor,
  weightRow,
} from '../core/manifest.ts';
import type { ImageBatch, ModelFiles } from '../core/ports.ts';
import { readManifest } from '../engine/model-file.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { createWinogradEngine } from '../engine/winograd/engine.ts';
import { PACKINGS, type Packing, RANK_DIVISORS } from '../model-build/head-forms.ts';
import { createRandom } from '../model-build/random.ts';
import { measure, table } from './measure.ts';
import { seededNetwork, writeInt8 } from './seeded-models.ts';

const INT8: Packing['groupOf'] = () => null;

const FORMS: readonly (Packing & { readonly rank: number | null })[] = [
  { name: 'int8', rank: null, groupOf: INT8 },
  ...PACKINGS.map((packing) => ({ ...packing, rank: null })),
  ...RANK_DIVISORS.map((divisor) => {
    const rank = familyMember('vgg11_bn').hiddenDim / divisor;
    return { name: `int8, rank ${rank}`, rank, groupOf: INT8 };
  }),
];

export async function run(options: readonly string[]): Promise<void> {
  const rounds = Number(options.find((option) => option.startsWith('--rounds='))?.split('=')[1] ?? 15);
  const kernel = new WebAssembly.Module(
    readFileSync(join(import.meta.dirname, '../engine/winograd/kernel.wasm')),
  );
  const directory = await mkdtemp(join(tmpdir(), 'vgg-edge-bench-'));
  try {
    const model = join(directory, 'int8');
    await writeInt8(seededNetwork('vgg11_bn'), model);
    const files = diskFiles(model);
    const { manifest } = await readManifest(files);
    const engines = FORMS.map(({ name, rank, groupOf }) => {
      const changed = withHead(manifest, rank, groupOf);
      const parts = { manifest: changed, files: withRandomHead(files, manifest, changed), kernel };
      return { name, engine: createWinogradEngine({ ...parts, now: () => performance.now() }) };
    });
    const size = manifest.preprocess.crop;
    const random = createRandom(1);
    const data = Uint8Array.from({ length: size * size * 3 }, () => random() * 256);
    const batch: ImageBatch = { images: 1, size, data };
    const [first] = engines;
    const heads: number[] = [];
    const timings = await measure(
      [
        { name: 'features alone', run: () => first?.engine.run(batch, ['features']) },
        ...engines.map(({ name, engine }, index) => ({
          name,
          run: async () => {
            const { times } = await engine.run(batch, ['scores']);
            heads[index] = Math.min(heads[index] ?? Number.POSITIVE_INFINITY, times.head);
          },
        })),
      ],
      { rounds },
    );
    const alone = timings[0]?.min ?? Number.NaN;
    console.log(`vgg11_bn with 1000 classes, pixels to scores, ${rounds} rounds in turn\n`);
    console.log(
      table(
        ['head', 'min ms', 'median ms', 'times features alone', 'head alone, min ms', 'WASM memory MB'],
        timings.map(({ name, min, median }, index) => {
          const engine = engines[index - 1]?.engine;
          const megabytes = engine === undefined ? '–' : (engine.memoryBytes() / 1e6).toFixed(1);
          const head = heads[index - 1] ?? '–';
          return [name, min, median, (min / alone).toFixed(3), head, megabytes];
        }),
      ),
    );
  } finally {
    await rm(directory, { recursive: true });
  }
}

/** The manifest with the paper's full-size classifier instead of its own. */
function withHead(manifest: Manifest, rank: number | null, groupOf: Packing['groupOf']): Manifest {
  const configuration = familyMember('vgg11_bn', { fc6Rank: rank, fc7Rank: rank });
  const shards: ManifestShard[] = manifest.shards.filter(({ part }) => part === 'backbone');
  const tensors: Record<string, ManifestTensor> = { ...manifest.tensors };
  const add = (name: string, dtype: ManifestTensor['dtype'], shape: number[]) => {
    const bytes = shape.reduce((product, side) => product * side, dtype === 'float32' ? 4 : 1);
    const file = `head-${shards.length}.bin`;
    tensors[name] = { dtype, shape, shard: shards.length, offset: 0, bytes };
    shards.push({ file, part: 'head', bytes, sha256: '0'.repeat(64) });
  };
  const linears = linearShapes(configuration).map((shape): ManifestLinear => {
    const { name, inputs, outputs, bias } = shape;
    const group = groupOf(name);
    const weight = group === null ? undefined : { format: 'int4' as const, group };
    const row = weightRow(inputs, weight);
    const rowBytes = row.reduce((product, side) => product * side, 1);
    const step = Math.floor(MAX_SHARD_BYTES / rowBytes / 64) * 64;
    const weights: string[] = [];
    for (let first = 0; first < outputs; first += step) {
      weights.push(`${name}.weight.${weights.length + 1}`);
      const rows = Math.min(step, outputs - first);
      add(weights.at(-1) ?? '', weight === undefined ? 'int8' : 'uint8', [rows, ...row]);
    }
    add(`${name}.scale`, 'float32', weight === undefined ? [outputs] : [outputs, row[0] ?? 1]);
    if (bias) add(`${name}.bias`, 'float32', [outputs]);
    const input = { scale: 0.03, zeroPoint: 0, lowest: 0, highest: 255 };
    return { ...shape, input, weights, ...(weight === undefined ? {} : { weight }) };
  });
  const { hiddenDim, outputDim, ranks } = configuration;
  return {
    ...manifest,
    network: { ...manifest.network, hiddenDim, outputDim, ranks },
    linears,
    tensors,
    shards,
  };
}

/** The backbone's files, and for the head's shards random bytes (small floats where floats are expected). */
function withRandomHead(files: ModelFiles, real: Manifest, changed: Manifest): ModelFiles {
  const random = createRandom(2);
  const block = Float32Array.from({ length: 2 ** 18 }, () => 0.001 * random());
  const noise = new Uint8Array(block.buffer);
  let digest = '';
  return {
    async open(file) {
      const listed = changed.shards.find((shard) => shard.file === file);
      digest = listed?.sha256 ?? '';
      if (listed === undefined || real.shards.includes(listed)) return files.open(file);
      return pieces(noise, listed.bytes);
    },
    // Nothing here is worth verifying.
    sha256: () => ({ update: () => {}, hex: async () => digest }),
  };
}

async function* pieces(block: Uint8Array, bytes: number): AsyncGenerator<Uint8Array> {
  for (let done = 0; done < bytes; done += block.length) {
    yield block.subarray(0, Math.min(block.length, bytes - done));
  }
}
