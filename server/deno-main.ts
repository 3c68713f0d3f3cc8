// The API in Deno: deno run --allow-net=127.0.0.1:8787 --allow-read=. server/deno-main.ts [MODEL_DIR]

import { parseArgs } from 'node:util';
import { InputError } from '../core/errors.ts';
import { startDenoServer } from './deno-server.ts';

/** Milliseconds. */
const GRACE = 30_000;

const { values, positionals } = parseArgs({
  args: [...Deno.args],
  allowPositionals: true,
  options: {
    host: { type: 'string', default: '127.0.0.1' },
    port: { type: 'string', default: '8787' },
    keys: { type: 'string' },
    page: { type: 'string' },
    float: { type: 'string' },
    'software-gpu': { type: 'boolean', default: false },
    set: { type: 'string', multiple: true, default: [] },
  },
});

const server = await startDenoServer({
  model: positionals[0] ?? 'models/default',
  float: values.float,
  host: values.host,
  port: portOf(values.port),
  keys: values.keys,
  page: values.page,
  variables: Object.fromEntries(values.set.map(variable)),
  grace: GRACE,
  allowSoftwareGpu: values['software-gpu'],
  log: (line) => console.log(line),
});
console.error(`vgg-edge serves at ${server.url}`);

let stopping = false;
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  Deno.addSignalListener(signal, async () => {
    // The second one does not wait.
    if (stopping) Deno.exit(1);
    stopping = true;
    Deno.exit((await server.stop()) ? 0 : 1);
  });
}

function portOf(text: string): number {
  const port = Number(text);
  if (text !== '' && Number.isInteger(port) && port >= 0 && port <= 65_535) return port;
  throw new InputError('invalid_argument', `Expected 0 to 65535 for --port but found '${text}'.`);
}

/** `NAME=VALUE`, a variable of wrangler.toml. */
function variable(text: string): [string, string] {
  const [name = '', ...value] = text.split('=');
  if (/^[A-Z_]+$/.test(name) && value.length > 0) return [name, value.join('=')];
  throw new InputError('invalid_argument', `Expected NAME=VALUE for --set but found '${text}'.`);
}
