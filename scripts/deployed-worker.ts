// The Worker as it would be deployed, in workerd itself: wrangler's bundle, its variables, and nothing between
// it and the socket. `wrangler dev` puts two proxies of its own before a Worker, which answer for it when
// they fail and take memory of their own.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { mkdtemp, readdir, rm, writeFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';
import { unstable_readConfig } from 'wrangler';
import * as z from 'zod';
import type { Configuration } from './deploy-limits.ts';
import { stageAssets } from './stage-assets.ts';

const ROOT = join(import.meta.dirname, '..');
const CONFIGURATION = join(ROOT, 'wrangler.toml');

/** A CommonJS module whose default is the path of the program for this machine. */
const workerdModule = z.object({ default: z.string() });

export interface DeployedWorker {
  readonly url: string;
  /** Of workerd: a single process, with the Worker's isolate in it. */
  readonly pid: number;
  readonly inspector: URL;
  stop(): Promise<void>;
}

/**
 * V8's heap, young and old objects, MiB. Cloudflare ends an isolate at 128 MB with WebAssembly and buffers in it, and so
 * has V8 collect before that; workerd by itself sets no limit, and V8 lets garbage lie. What does not do with this
 * runs out of memory.
 */
const HEAP_MIB = 48;

/**
 * `variables` go before those of wrangler.toml. Indexes are in memory, the rate limit is the Worker's own. `cache` is
 * the address of what answers the Cache API; without it nothing is stored.
 */
export async function startDeployedWorker(
  variables: Readonly<Record<string, string>> = {},
  cache?: string,
): Promise<DeployedWorker> {
  const assets = stageAssets();
  return await startWorkerd(async (folder) => {
    bundle(folder);
    return await services(folder, assets, variables, cache);
  });
}

/**
 * workerd with what `prepare` writes into a folder of its own. It gives the services in Cap'n Proto's text format;
 * `main` is what answers.
 */
export async function startWorkerd(prepare: (folder: string) => Promise<string>): Promise<DeployedWorker> {
  const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-worker-'));
  let workerd: ChildProcess | undefined;
  const stop = async () => {
    if (workerd !== undefined && workerd.exitCode === null) {
      const ended = new Promise((resolve) => workerd?.once('exit', resolve));
      workerd.kill('SIGKILL');
      await ended;
    }
    await rm(folder, { recursive: true, force: true });
  };
  try {
    await writeFile(
      join(folder, 'config.capnp'),
      `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  v8Flags = ["--max-heap-size=${HEAP_MIB}"],
  services = [${await prepare(folder)}],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")]
);
`,
    );
    const options = ['--control-fd=3', '--inspector-addr=127.0.0.1:0'];
    const { default: program } = workerdModule.parse(createRequire(import.meta.url)('workerd'));
    workerd = spawn(program, ['serve', join(folder, 'config.capnp'), ...options], {
      // What the Worker logs, nobody reads here.
      stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
    });
    const { http, inspector } = await ports(workerd);
    return {
      url: `http://127.0.0.1:${http}`,
      pid: workerd.pid ?? 0,
      inspector: new URL(`ws://127.0.0.1:${inspector}`),
      stop,
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

function bundle(folder: string): void {
  const { status, stdout, stderr } = spawnSync(
    'wrangler',
    ['deploy', '--dry-run', '--outdir', join(folder, 'bundle'), '--config', CONFIGURATION],
    {
      env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: 'true' },
      encoding: 'utf8',
      shell: process.platform === 'win32',
    },
  );
  if (status !== 0) throw new Error(`wrangler deploy --dry-run failed:\n${stdout}${stderr}`);
}

/** The Worker and its assets. */
async function services(
  folder: string,
  assets: string,
  variables: Readonly<Record<string, string>>,
  cache: string | undefined,
): Promise<string> {
  const {
    compatibility_date,
    compatibility_flags = [],
    vars,
    durable_objects,
  }: Configuration = unstable_readConfig({ config: CONFIGURATION });
  const text = (value: unknown) => JSON.stringify(String(value));
  const wasm = (await readdir(join(folder, 'bundle'))).filter((file) => file.endsWith('.wasm'));
  const modules = [
    '(name = "index.js", esModule = embed "bundle/index.js")',
    ...wasm.map((file) => `(name = ${text(`./${file}`)}, wasm = embed ${text(`bundle/${file}`)})`),
  ];
  const bindings = [
    '(name = "ASSETS", service = "assets")',
    ...durable_objects.bindings.map(
      ({ name, class_name }) => `(name = ${text(name)}, durableObjectNamespace = ${text(class_name)})`,
    ),
    ...Object.entries({ ...vars, ...variables }).map(
      ([name, value]) => `(name = ${text(name)}, text = ${text(value)})`,
    ),
  ];
  const namespaces = durable_objects.bindings.map(
    ({ class_name }) =>
      `(className = ${text(class_name)}, uniqueKey = ${text(class_name)}, enableSql = true)`,
  );
  return `
    (name = "main", worker = (
      modules = [${modules.join(', ')}],
      compatibilityDate = ${text(compatibility_date)},
      compatibilityFlags = [${compatibility_flags.map(text).join(', ')}],
      bindings = [${bindings.join(', ')}],
      durableObjectNamespaces = [${namespaces.join(', ')}],
      durableObjectStorage = (inMemory = void)${cache === undefined ? '' : ', cacheApiOutbound = "cache"'}
    )),
    ${cache === undefined ? '' : `(name = "cache", external = (address = ${text(cache)}, http = ())),`}
    (name = "assets", disk = (path = ${text(assets)}))
  `;
}

const event = z.object({ event: z.string(), port: z.number() });

/** workerd tells its ports, a line of JSON each, on the pipe that it was given. */
async function ports(workerd: ChildProcess): Promise<{ http: number; inspector: number }> {
  const found = new Map<string, number>();
  const pipe = workerd.stdio[3] as Readable;
  for await (const line of createInterface({ input: pipe })) {
    const told = event.safeParse(JSON.parse(line));
    if (told.success) found.set(told.data.event, told.data.port);
    const [http, inspector] = [found.get('listen'), found.get('listen-inspector')];
    if (http !== undefined && inspector !== undefined) return { http, inspector };
  }
  throw new Error('workerd ended before it listened.');
}
