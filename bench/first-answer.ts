// The first answer of a process: workerd as it is, without wrangler around it, is started with the bundle that
// would be deployed and the assets on disk, and asked once. Each answer is of a process of its own.

import { type ChildProcess, spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { readdirSync, writeFileSync } from 'node:fs';
import { basename, join } from 'node:path';
import type { Readable } from 'node:stream';
import { unstable_readConfig } from 'wrangler';
import type { Configuration } from '../scripts/deploy-limits.ts';
import { cpuMilliseconds } from './process-usage.ts';

const ROOT = join(import.meta.dirname, '..');
const CONFIG = join(ROOT, 'wrangler.toml');

export interface FirstAnswer {
  /** From the process's start until it listens, its script evaluated; milliseconds. */
  readonly listening: number;
  /** From the process's start to the answer's last byte. */
  readonly answered: number;
  /** Processor time of the whole process. */
  readonly cpu: number;
}

/** Bundles the entry into `folder` as `wrangler deploy` does; the result is what answerFirst() starts. */
export function bundle(entrypoint: string, assets: string, folder: string): string {
  const { status, stdout, stderr } = spawnSync(
    'wrangler',
    ['deploy', join(ROOT, entrypoint), '--config', CONFIG, '--dry-run', '--outdir', folder],
    { env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: 'true' }, encoding: 'utf8' },
  );
  if (status !== 0) throw new Error(`wrangler deploy --dry-run failed:\n${stdout}${stderr}`);
  const path = join(folder, 'workerd.capnp');
  writeFileSync(path, configuration(folder, `${basename(entrypoint, '.ts')}.js`, assets));
  return path;
}

/** `request` is sent as soon as the process listens. */
export async function answerFirst(
  config: string,
  request: (url: string) => Promise<unknown>,
): Promise<FirstAnswer> {
  const start = performance.now();
  const child = spawn('workerd', ['serve', config, '--control-fd=3'], {
    stdio: ['ignore', 'ignore', 'ignore', 'pipe'],
  });
  try {
    const port = await listeningPort(child);
    const listening = performance.now() - start;
    await request(`http://127.0.0.1:${port}`);
    return { listening, answered: performance.now() - start, cpu: cpuMilliseconds(child.pid ?? 0) };
  } finally {
    child.kill();
    if (child.exitCode === null) await once(child, 'exit');
  }
}

/** workerd writes a line of JSON to the descriptor for each socket. */
async function listeningPort(child: ChildProcess): Promise<number> {
  let text = '';
  for await (const chunk of child.stdio[3] as Readable) {
    text += String(chunk);
    const port = /"event":"listen","socket":"http","port":(\d+)/.exec(text)?.[1];
    if (port !== undefined) return Number(port);
  }
  throw new Error('Expected workerd to listen but it ended.');
}

/** The bundle's modules, the bindings of wrangler.toml, the assets as a folder of the disk. */
function configuration(folder: string, main: string, assets: string): string {
  const { compatibility_date, vars, durable_objects }: Configuration = unstable_readConfig({
    config: CONFIG,
  });
  const files = readdirSync(folder).filter((file) => file === main || file.endsWith('.wasm'));
  const modules = files
    .toSorted((a, b) => Number(b === main) - Number(a === main))
    .map((file) => `(name = "${file}", ${file === main ? 'esModule' : 'wasm'} = embed "${file}")`);
  const objects = durable_objects.bindings.map(
    ({ class_name }) => `(className = "${class_name}", uniqueKey = "${class_name}", enableSql = true)`,
  );
  const bindings = [
    '(name = "ASSETS", service = "assets")',
    ...durable_objects.bindings.map(
      ({ name, class_name }) => `(name = "${name}", durableObjectNamespace = "${class_name}")`,
    ),
    // workerd alone has no cache.
    ...Object.entries({ ...vars, CACHE_SECONDS: 0 }).map(
      ([name, value]) => `(name = "${name}", text = ${JSON.stringify(String(value))})`,
    ),
  ];
  return `using Workerd = import "/workerd/workerd.capnp";
const config :Workerd.Config = (
  services = [(name = "main", worker = .main), (name = "assets", disk = ${JSON.stringify(assets)})],
  sockets = [(name = "http", address = "127.0.0.1:0", http = (), service = "main")],
);
const main :Workerd.Worker = (
  modules = [${modules.join(', ')}],
  compatibilityDate = "${compatibility_date}",
  durableObjectNamespaces = [${objects.join(', ')}],
  durableObjectStorage = (inMemory = void),
  bindings = [${bindings.join(', ')}],
);
`;
}
