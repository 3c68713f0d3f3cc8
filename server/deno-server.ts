// The API in Deno: the app with the edge's decoders and our kernel or WebGPU, over Deno.serve.
// It needs no native add-on, so a few permissions are enough (docs/deploy.md).

import { readFile } from 'node:fs/promises';
import { fileURLToPath } from 'node:url';
import { InputError } from '../core/errors.ts';
import type { Manifest } from '../core/manifest.ts';
import type { Engine, ModelFiles } from '../core/ports.ts';
import { createEdgeDecoder } from '../engine/edge/decode.ts';
import { readManifest } from '../engine/model-file.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { chooseEngine, type Gpu } from '../engine/webgpu/choose-engine.ts';
import { createWinogradEngine } from '../engine/winograd/engine.ts';
import { composeApp, type ServerOptions } from './compose-app.ts';
import type { RunningServer } from './http-server.ts';

export interface DenoServerOptions extends Omit<ServerOptions, 'indexes' | 'maxBatch' | 'variables'> {
  /** Directory with the model's float graphs where `model` itself has none. */
  readonly float?: string | undefined;
  readonly variables: Readonly<Record<string, string>>;
  /** Takes WebGPU on the processor too: correct, and far slower than our kernel. */
  readonly allowSoftwareGpu: boolean;
}

const DECODE_BYTES = 512 * 1024 * 1024;
const MAX_BATCH = 16;

/** Throws InputError for options that are not safe or not possible, and what its parts throw. */
export async function startDenoServer(options: DenoServerOptions): Promise<RunningServer> {
  const { host, port, grace } = options;
  checkVariables(options.variables);
  const [kernel, jpeg, webp] = await Promise.all([
    compile(new URL('../engine/winograd/kernel.wasm', import.meta.url).href),
    compile(import.meta.resolve('@cwasm/jpeg-turbo/jpeg-turbo.wasm')),
    compile(import.meta.resolve('@cwasm/webp/webp.wasm')),
  ]);
  const { app, admission, model, dispose } = composeApp(
    { ...options, maxBatch: MAX_BATCH },
    {
      decoder: createEdgeDecoder({ jpeg, webp }, () => DECODE_BYTES),
      createEngine: (manifest, files) => engineOf(manifest, files, kernel, options),
      fetchImage: fetch,
    },
  );
  // The choice of the engine takes a run of each: made before anybody waits for it.
  await model();
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
      await dispose();
      return finished;
    },
  };
}

function now(): number {
  return performance.now();
}

/** Until what has arrived meanwhile was heard. */
function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0));
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
    edge: createWinogradEngine({ manifest, files, kernel, now, pause }),
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

function checkVariables({ ALLOWED_IMAGE_HOSTS = '' }: DenoServerOptions['variables']): void {
  if (ALLOWED_IMAGE_HOSTS === '') return;
  throw new InputError(
    'invalid_argument',
    'Expected no ALLOWED_IMAGE_HOSTS in Deno, where a connection cannot be pinned to the address that was checked. Serve URLs with the Node server.',
    { param: 'ALLOWED_IMAGE_HOSTS' },
  );
}

async function compile(url: string): Promise<WebAssembly.Module> {
  return await WebAssembly.compile(await readFile(fileURLToPath(url)));
}
