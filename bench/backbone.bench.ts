// The convolutions of a VGG at 224 × 224 by our engine and its rivals, in turn in one process, one thread
// each: in Node, and again with every memory access of WebAssembly checked explicitly, as workerd does.
// `--network=vgg16` takes another member than vgg11, `--rounds=5` fewer rounds, `--checked` measures in a
// process that was started with --wasm-enforce-bounds-checks.

import { spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { convolutionShapes, familyMember } from '../core/family.ts';
import type { ImageBatch } from '../core/ports.ts';
import { type FloatNetwork, TORCHVISION_INPUT } from '../model-build/network.ts';
import { createRandom } from '../model-build/random.ts';
import {
  type GraphFiles,
  onnxruntimeNode,
  onnxruntimeWeb,
  ours,
  type Rival,
  tfjsWasm,
} from './backbone-rivals.ts';
import { measure, table } from './measure.ts';
import { seededNetwork, writeFp32, writeInt8 } from './seeded-models.ts';

const CHECKED = '--checked';
const OURS = 'ours, int8';

export async function run(options: readonly string[]): Promise<void> {
  const name = optionOf(options, 'network') ?? 'vgg11';
  const rounds = Number(optionOf(options, 'rounds') ?? 15);
  const checked = options.includes(CHECKED);
  const directory = await mkdtemp(join(tmpdir(), 'vgg-edge-bench-'));
  try {
    const quantised = seededNetwork(name);
    await writeInt8(quantised, join(directory, 'int8'));
    const network = await writeFp32(quantised, join(directory, 'fp32'));
    await report(name, checked, rounds, await rivals(directory, network, checked));
  } finally {
    await rm(directory, { recursive: true });
  }
  if (!checked) {
    const again = ['--wasm-enforce-bounds-checks', join(import.meta.dirname, 'main.ts'), 'backbone'];
    spawnSync(process.execPath, [...again, ...options, CHECKED], { stdio: 'inherit' });
  }
}

function optionOf(options: readonly string[], name: string): string | undefined {
  return options.find((option) => option.startsWith(`--${name}=`))?.split('=')[1];
}

/** In a process that checks bounds, only those that run in WebAssembly. */
async function rivals(directory: string, network: FloatNetwork, checked: boolean): Promise<Rival[]> {
  const { crop } = network.input;
  const random = createRandom(1);
  const data = Uint8Array.from({ length: crop * crop * 3 }, () => random() * 256);
  const batch: ImageBatch = { images: 1, size: crop, data };
  const int8 = join(directory, 'int8');
  const fp32 = join(directory, 'fp32');
  const web: Rival[] = [
    await ours(OURS, int8, batch),
    await onnxruntimeWeb('onnxruntime-web, int8', await graphFiles(int8), batch),
    await onnxruntimeWeb('onnxruntime-web, fp32', await graphFiles(fp32), batch),
    await tfjsWasm('tfjs wasm, fp32', network, batch),
  ];
  if (checked) return web;
  return [
    ...web,
    await onnxruntimeNode('onnxruntime-node, int8, 1 thread', await graphFiles(int8), batch),
    await onnxruntimeNode('onnxruntime-node, fp32, 1 thread', await graphFiles(fp32), batch),
  ];
}

async function graphFiles(directory: string): Promise<GraphFiles> {
  const files = await readdir(directory);
  const shards = files.filter((file) => file.endsWith('.bin'));
  return { directory, graph: 'backbone.onnx', shards };
}

async function report(name: string, checked: boolean, rounds: number, contestants: Rival[]): Promise<void> {
  const [first] = contestants;
  const expected = await first?.run();
  const equal = await Promise.all(
    contestants.map(async ({ run }) => {
      const found = await run();
      return expected?.filter((value, index) => value !== found[index]).length ?? 0;
    }),
  );
  const timings = await measure(contestants, { rounds });
  const best = timings[0]?.min ?? Number.NaN;
  const macs = convolutionMacs(name);
  const where = checked ? 'Node, every WebAssembly access checked (as in workerd)' : 'Node';
  console.log(`${name}, ${(macs / 1e9).toFixed(2)} GMAC, ${where}, ${rounds} rounds in turn\n`);
  console.log(
    table(
      [
        'engine',
        'min ms',
        'median ms',
        'times ours',
        'GMAC/s',
        'threads',
        'features that differ',
        'WASM memory MB',
      ],
      timings.map(({ name: engine, min, median, threads }, index) => [
        engine,
        min,
        median,
        min / best,
        macs / min / 1e6,
        threads,
        engine.includes('int8') || engine.startsWith('ours') ? String(equal[index]) : '–',
        megabytes(contestants[index]?.memoryBytes()),
      ]),
    ),
  );
  console.log();
}

function megabytes(bytes: number | undefined): string {
  return bytes === undefined ? '–' : (bytes / 1e6).toFixed(1);
}

/** Multiply-adds of the direct convolutions: what GMAC/s counts, whatever the algorithm needs. */
function convolutionMacs(name: string): number {
  return convolutionShapes(familyMember(name), TORCHVISION_INPUT.crop).reduce(
    (sum, { inputChannels, outputChannels, size }) => sum + inputChannels * outputChannels * 9 * size * size,
    0,
  );
}
