// What server/node-server.ts is to Node: files, sockets and the engine of a Deno process → the app, served.
// It needs no native add-on, so a few permissions are enough (docs/deploy.md).

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { InputError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Engine, ModelFiles } from '../core/ports.ts';
import { createBatchingEngine } from '../engine/batching-engine.ts';
import { createEdgeDecoder } from '../engine/edge/decode.ts';
import { readManifest } from '../engine/model-file.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { chooseEngine, type Gpu } from '../engine/webgpu/choose-engine.ts';
import { createWinogradEngine } from '../engine/winograd/engine.ts';
import { createAdmission } from '../worker/admission.ts';
import { memoryAnswerCache } from '../worker/answer-cache.ts';
import { isLoopback } from '../worker/api-keys.ts';
import { createApiMetrics } from '../worker/api-metrics.ts';
import { createApp } from '../worker/app.ts';
import { readLimits } from '../worker/limits.ts';
import { memoryRateLimiter } from '../worker/rate-limit.ts';
import { jsonLog, jsonReport, jsonWarning } from '../worker/request-log.ts';
import { serveModel } from '../worker/served-model.ts';
import { readSettings } from '../worker/settings.ts';
import { diskPageFiles } from './disk-page.ts';
import type { RunningServer } from './http-server.ts';
import { keyFile } from './key-file.ts';

export interface DenoServerOptions {
  /** The model directory. */
  readonly model: string;
  /** Directory with the model's float graphs where `model` itself has none. */
  readonly float?: string | undefined;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** File of API keys; required unless `host` is a loopback address. */
  readonly keys?: string | undefined;
  /** Folder with the built page; without it nothing is served at `/`. */
  readonly page?: string | undefined;
  /** The variables of wrangler.toml. */
  readonly variables: Readonly<Record<string, string>>;
  /** Milliseconds that work in flight has when the server stops. */
  readonly grace: number;
  /** Takes WebGPU on the processor too: correct, and far slower than our kernel. */
  readonly allowSoftwareGpu: boolean;
  readonly log: (line: string) => void;
}

const DEFAULTS = { MAX_RUNNING: '32', MAX_WAITING: '256' };
const CACHE_BYTES = 64 * 1024 * 1024;
const DECODE_BYTES = 512 * 1024 * 1024;
const MAX_BATCH = 16;

/** Throws InputError for options that are not safe or not possible, and what its parts throw. */
export async function startDenoServer(options: DenoServerOptions): Promise<RunningServer> {
  const { host, port, keys, page, grace, log } = options;
  checkOptions(options);
  const variables = { ...DEFAULTS, ...options.variables };
  const limits = readLimits(variables);
  const secret = keys === undefined ? () => undefined : keyFile(keys, jsonWarning(log));
  const settings = readSettings(variables, secret, limits, fetch);
  // Fails now, not with the first request.
  settings.keys();

  const admission = createAdmission(limits);
  let engine: Engine | undefined;
  const [kernel, jpeg, webp] = await Promise.all([
    compile(new URL('../engine/winograd/kernel.wasm', import.meta.url).href),
    compile(import.meta.resolve('@cwasm/jpeg-turbo/jpeg-turbo.wasm')),
    compile(import.meta.resolve('@cwasm/webp/webp.wasm')),
  ]);
  const decoder = createEdgeDecoder({ jpeg, webp }, () => DECODE_BYTES);
  const metrics = createApiMetrics({
    engineMemoryBytes: () => engine?.memoryBytes() ?? 0,
    decoderMemoryBytes: decoder.heldBytes,
    decoderPeakBytes: decoder.peakBytes,
    running: () => admission.running,
    waiting: () => admission.waiting,
  });
  const files = diskFiles(options.model);
  const model = serveModel({
    files,
    async createEngine(manifest, modelFiles) {
      const chosen = await engineOf(manifest, modelFiles, kernel, options);
      const onBatch = (images: number) => metrics.batchSize.observe(images);
      engine = createBatchingEngine(chosen, { maxImages: MAX_BATCH, onBatch });
      return engine;
    },
    decoder,
    decoderPeakBytes: decoder.peakBytes,
    limits,
    now,
  });
  // The choice of the engine takes a run of each: made before anybody waits for it.
  await model();
  const app = createApp({
    ...(page === undefined ? {} : { page: diskPageFiles(page) }),
    ...(settings.publishModel ? { publishedModel: files } : {}),
    model,
    limits,
    admission,
    now,
    report: jsonReport(log),
    access: { keys: settings.keys, rateLimiter: memoryRateLimiter(settings.rate) },
    urlImages: settings.urlImages,
    ...(settings.cacheSeconds === 0 ? {} : { answers: memoryAnswerCache(CACHE_BYTES) }),
    metrics,
    log: jsonLog(log),
    corsOrigins: settings.corsOrigins,
  });
  const cut = new AbortController();
  const listening = { hostname: host, port, signal: cut.signal, onListen: () => undefined };
  const server = Deno.serve(listening, (request) => app.fetch(request));
  const name = host.includes(':') ? `[${host}]` : host;
  return {
    url: `http://${name}:${server.addr.port}`,
    async stop() {
      const closed = Promise.all([admission.close(), server.shutdown()]).then(() => true);
      const late = new Promise<boolean>((resolve) => setTimeout(() => resolve(false), grace).unref());
      const finished = await Promise.race([closed, late]);
      if (!finished) cut.abort();
      await engine?.dispose();
      return finished;
    },
  };
}

function now(): number {
  return performance.now();
}

async function engineOf(
  manifest: Manifest,
  files: ModelFiles,
  kernel: WebAssembly.Module,
  { float, allowSoftwareGpu, log }: DenoServerOptions,
): Promise<Engine> {
  const floatFiles = float === undefined ? files : diskFiles(float);
  const { floatGraphs } = float === undefined ? manifest : (await readManifest(floatFiles)).manifest;
  const gpu: Gpu | undefined = Reflect.get(navigator, 'gpu');
  const { engine, reason } = await chooseEngine({
    edge: createWinogradEngine({ manifest, files, kernel, now }),
    gpu,
    floatGraphs,
    async createGpuEngine(graphs) {
      // 27 MB of WASM that only a machine with a GPU and a model with float graphs need.
      const { createWebGpuEngine } = await import('../engine/webgpu/engine.ts');
      return createWebGpuEngine({ manifest, graphs, files: floatFiles, now });
    },
    crop: manifest.preprocess.crop,
    allowSoftware: allowSoftwareGpu,
  });
  log(JSON.stringify({ level: 'info', message: reason }));
  return engine;
}

function checkOptions({ host, keys, variables }: DenoServerOptions): void {
  if (keys === undefined && !isLoopback(host)) {
    throw new InputError(
      'invalid_argument',
      `Expected a file of API keys for an address that others can reach, ${host}. Make one with 'vgg-edge key NAME >> keys' and give it with --keys.`,
      { param: 'keys' },
    );
  }
  if ((variables.ALLOWED_IMAGE_HOSTS ?? '') !== '') {
    throw new InputError(
      'invalid_argument',
      'Expected no ALLOWED_IMAGE_HOSTS in Deno, where a connection cannot be pinned to the address that was checked. Serve URLs with the Node server.',
      { param: 'ALLOWED_IMAGE_HOSTS' },
    );
  }
}

async function compile(url: string): Promise<WebAssembly.Module> {
  return await WebAssembly.compile(await readFile(fileURLToPath(url)));
}
