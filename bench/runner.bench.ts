// The runner end to end: images per second from JPEG files, `vgg-edge embed` against a PyTorch DataLoader with
// the same weights, files and descriptor; and both against what their decoding and their model alone could do.

import { execFile } from 'node:child_process';
import { copyFile, mkdir, mkdtemp, readdir, readFile, rm } from 'node:fs/promises';
import { availableParallelism, tmpdir } from 'node:os';
import { dirname, extname, join } from 'node:path';
import { promisify } from 'node:util';
import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import type { ImageBatch } from '../core/ports.ts';
import { readManifest } from '../engine/model-file.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { floatDirectory } from '../model-build/float-directory.ts';
import { createDecodePool } from '../runner/decode-pool.ts';
import { openEngine } from '../runner/engine.ts';
import { table } from './measure.ts';
import { type PyTorch, type PyTorchSettings, settingsToTry, startPyTorch } from './pytorch-rival.ts';

const ROOT = join(import.meta.dirname, '..');
const CLI = join(ROOT, 'cli/main.ts');
const MODEL = join(ROOT, 'models/default');

const runFile = promisify(execFile);

/**
 * Options: `--images=DIR` (default: the samples), `--count=N` images (129), `--rounds=N` (3),
 * `--device=cpu|cuda` for PyTorch (cpu), `--engines=a,b` of ours (auto, winograd, onnxruntime-cpu:fp32; with
 * --device=cuda also cuda and webgpu), `--settings=N` of PyTorch's to try (all). PYTHON names the interpreter.
 */
export async function run(options: readonly string[]): Promise<void> {
  const option = (name: string) =>
    options.find((entry) => entry.startsWith(`--${name}=`))?.slice(name.length + 3);
  const device = option('device') === 'cuda' ? 'cuda' : 'cpu';
  const rounds = Number(option('rounds') ?? 3);
  const gpus = device === 'cuda' ? ['cuda', 'webgpu'] : [];
  const engines = option('engines')?.split(',') ?? [...gpus, 'auto', 'winograd', 'onnxruntime-cpu:fp32'];
  const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-runner-'));
  const weights = join(folder, 'weights.safetensors');
  await runFile(process.execPath, [CLI, 'export', MODEL, '--to', 'safetensors', '--out', weights]);
  const pytorch = startPyTorch(weights);
  try {
    const photos = join(folder, 'photos');
    const files = await copies(
      option('images') ?? join(ROOT, 'samples'),
      photos,
      Number(option('count') ?? 129),
    );
    console.log(`${files.length} JPEG files, GeM descriptors of the default model\n`);
    const best = await bestSettings(pytorch, files, device, Number(option('settings') ?? 99));
    const contestants = engines.map((engine) => ({
      name: `vgg-edge embed, ${engine}`,
      run: (round: number) => embed(photos, join(folder, `out-${engine.replace(':', '-')}-${round}`), engine),
    }));
    const rates = [
      ...contestants,
      { name: 'PyTorch', run: async () => rateOf(await pytorch.embed(files, best)) },
    ].map((contestant) => ({ ...contestant, rates: [] as number[] }));
    for (let round = 0; round < rounds; round += 1) {
      for (const contestant of rates) contestant.rates.push(await contestant.run(round));
    }
    const rival = Math.max(...(rates.at(-1)?.rates ?? []));
    console.log(
      `\n${table(
        ['end to end', 'images/s, best', 'median', '÷ PyTorch’s best'],
        rates.map(({ name, rates: found }) => {
          const sorted = found.toSorted((a, b) => b - a);
          return [name, sorted[0] ?? 0, sorted[sorted.length >> 1] ?? 0, (sorted[0] ?? 0) / rival];
        }),
      )}`,
    );
    await compareVectors(pytorch, files.slice(0, 16), best, folder);
    await showLimits(
      pytorch,
      files,
      best,
      engines,
      new Map(rates.map(({ name, rates: found }) => [name, Math.max(...found)])),
    );
  } finally {
    pytorch.close();
    await rm(folder, { recursive: true, force: true });
  }
}

/** `count` files in the order of their names; what there is is taken again and again. */
async function copies(from: string, to: string, count: number): Promise<string[]> {
  const names = (await readdir(from)).filter((name) => /\.jpe?g$/i.test(name)).toSorted();
  await mkdir(to);
  const files = Array.from({ length: count }, (_, index) => ({
    source: join(from, names[index % names.length] ?? ''),
    target: join(to, `${String(index).padStart(6, '0')}${extname(names[index % names.length] ?? '')}`),
  }));
  for (const { source, target } of files) await copyFile(source, target);
  return files.map(({ target }) => target);
}

/** PyTorch's fastest on some of the files, with the table of all. */
async function bestSettings(
  pytorch: PyTorch,
  files: readonly string[],
  device: 'cpu' | 'cuda',
  count: number,
): Promise<PyTorchSettings> {
  const tried: { name: string; settings: PyTorchSettings; rate: number }[] = [];
  const some = device === 'cuda' ? files : files.slice(0, 32);
  let version = '';
  for (const candidate of settingsToTry(device, availableParallelism()).slice(0, count)) {
    const answer = await pytorch.embed(some, candidate.settings);
    version = answer.torch;
    tried.push({ ...candidate, rate: rateOf(answer) });
  }
  const sorted = tried.toSorted((a, b) => b.rate - a.rate);
  console.log(
    table(
      [`PyTorch ${version}, settings tried`, 'images/s'],
      sorted.map(({ name, rate }) => [name, rate]),
    ),
  );
  const [best] = sorted;
  if (best === undefined) throw new Error('Expected settings to try.');
  return best.settings;
}

/** Images per second, without the start of the program and of the engine. */
async function embed(photos: string, out: string, engine: string): Promise<number> {
  await runFile(process.execPath, [CLI, 'embed', photos, '--out', out, '--pool', 'gem', '--engine', engine], {
    maxBuffer: 64 * 1024 * 1024,
  });
  const summary = JSON.parse(await readFile(join(out, 'summary.json'), 'utf8'));
  if (summary.session.images === 0 || summary.failed > 0)
    throw new Error(`Expected vectors of all files of ${photos}.`);
  console.log(`${summary.engineReason} Bottleneck: ${summary.session.bottleneck}.`);
  return summary.session.imagesPerSecond;
}

/** Both give vectors of length 1 for the same files: their cosine says whether they do the same work. */
async function compareVectors(
  pytorch: PyTorch,
  files: readonly string[],
  settings: PyTorchSettings,
  folder: string,
): Promise<void> {
  const photos = join(folder, 'compared-photos');
  const out = join(folder, 'compared');
  await copies(dirname(files[0] ?? ''), photos, files.length);
  const { vectors = [] } = await pytorch.embed(files, settings, true);
  await runFile(process.execPath, [
    CLI,
    'embed',
    photos,
    '--out',
    out,
    '--pool',
    'gem',
    '--format',
    'jsonl',
    '--engine',
    'winograd',
  ]);
  const [shard = ''] = (await readdir(out)).filter((name) => /^shard.*\.jsonl$/.test(name)).toSorted();
  const ours = (await readFile(join(out, shard), 'utf8')).split('\n').slice(0, files.length);
  const cosines = ours.map((line, row) => {
    const vector: number[] = JSON.parse(line).vector;
    return vector.reduce((sum, value, index) => sum + value * (vectors[row]?.[index] ?? 0), 0);
  });
  console.log(
    `\nCosine of PyTorch's vectors with the edge's, ${files.length} files: least ${Math.min(...cosines).toFixed(4)}`,
  );
}

/** What decoding alone and each model alone can do here, and what of the smaller the whole reaches. */
async function showLimits(
  pytorch: PyTorch,
  files: readonly string[],
  settings: PyTorchSettings,
  engines: readonly string[],
  whole: ReadonlyMap<string, number>,
): Promise<void> {
  const { manifest } = await readManifest(diskFiles(MODEL));
  const decoding = await decodeRate(files, manifest.preprocess);
  const rival = await bestModelRate(pytorch, settings);
  const rows: (string | number)[][] = [['PyTorch', '–', rival, 1, '–']];
  for (const engine of engines) {
    const { id, rate } = await modelRate(engine, manifest.preprocess.crop);
    const reached = (whole.get(`vgg-edge embed, ${engine}`) ?? 0) / Math.min(decoding, rate);
    rows.push([id, decoding, rate, rate / rival, reached]);
  }
  console.log(
    `\n${table(['alone', 'decoding, images/s', 'model, images/s', '÷ PyTorch’s model', 'end to end ÷ the smaller'], rows)}`,
  );
  console.log('Where the model runs on the cores that decode, both cannot be had at once.');
}

/** PyTorch's network alone; a GPU is given each size of batch, since the best one end to end says little there. */
async function bestModelRate(pytorch: PyTorch, best: PyTorchSettings): Promise<number> {
  const cores = availableParallelism();
  const others = settingsToTry(best.device, cores).filter(({ settings }) => settings.workers === cores);
  const rates: number[] = [];
  for (const settings of best.device === 'cuda' ? others.map((other) => other.settings) : [best]) {
    rates.push(rateOf(await pytorch.embed([], { ...settings, model_only: true })));
  }
  return Math.max(...rates);
}

async function decodeRate(
  files: readonly string[],
  sizes: { resize: number; crop: number },
): Promise<number> {
  const pool = createDecodePool({ sizes, limits: LOCAL_IMAGE_LIMITS });
  const bytes = await Promise.all(files.map((file) => readFile(file)));
  const { crop } = sizes;
  const pixels = bytes.map(() => new Uint8Array(new SharedArrayBuffer(crop * crop * 3)));
  const decodeAll = () =>
    Promise.all(
      bytes.map((content, index) =>
        pool.decode({
          bytes: new Uint8Array(content),
          pixels: pixels[index] ?? new Uint8Array(new SharedArrayBuffer(0)),
        }),
      ),
    );
  await decodeAll();
  const start = performance.now();
  await decodeAll();
  const seconds = (performance.now() - start) / 1000;
  await pool.close();
  return files.length / seconds;
}

async function modelRate(wanted: string, crop: number): Promise<{ id: string; rate: number }> {
  const { manifest } = await readManifest(diskFiles(MODEL));
  const cache = join(ROOT, '.cache/float');
  const { id, engine, batchSize } = await openEngine(wanted, {
    directory: MODEL,
    manifest,
    taps: ['features'],
    floatGraphs: async (precision) => (await floatDirectory(MODEL, precision, cache)).directory,
  });
  const data = new Uint8Array(new SharedArrayBuffer(batchSize * crop * crop * 3)).map(
    (_, index) => index * 7,
  );
  const batch: ImageBatch = { images: batchSize, size: crop, data };
  const twice = () => Promise.all([engine.run(batch, ['features']), engine.run(batch, ['features'])]);
  await twice();
  const start = performance.now();
  let images = 0;
  while (performance.now() - start < 4000) {
    await twice();
    images += 2 * batchSize;
  }
  const rate = (images * 1000) / (performance.now() - start);
  await engine.dispose();
  return { id, rate };
}

function rateOf({ images, seconds }: { images: number; seconds: number }): number {
  return images / seconds;
}
