// `npm start`: serves the API on loopback with the model in the repository, in the same runtime that
// Cloudflare runs (workerd). `npm start -- --port 8788` or PORT chooses another port.

import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { parseArgs } from 'node:util';
import { stageAssets } from './stage-assets.ts';

const port = readPort();
const address = `http://127.0.0.1:${port}`;

if (!(await isFree(port))) {
  console.error(
    `Expected port ${port} to be free but another program listens there. Try: npm start -- --port ${port + 1}`,
  );
  process.exit(1);
}

stageAssets();

const wrangler = spawn('wrangler', ['dev', '--ip=127.0.0.1', `--port=${port}`, '--log-level=warn'], {
  // Nothing is fetched at run time: no metrics, no update check, no sample of Cloudflare's request data.
  env: {
    ...process.env,
    WRANGLER_SEND_METRICS: 'false',
    CLOUDFLARE_CF_FETCH_ENABLED: 'false',
    WRANGLER_HIDE_BANNER: 'true',
    CI: 'true',
  },
  stdio: ['ignore', 'inherit', 'inherit'],
  shell: process.platform === 'win32',
});
wrangler.on('exit', (code) => process.exit(code ?? 0));
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => wrangler.kill(signal));

// npm passes a signal on to its shell, which ends and tells nobody: the server would keep the port for ever.
const parent = process.ppid;
if (process.env.npm_lifecycle_event !== undefined) {
  setInterval(() => process.ppid !== parent && wrangler.kill('SIGTERM'), 500).unref();
}

await untilReady();
console.log(`vgg-edge serves at ${address}: open it in a browser, or ask the API:

  curl --data-binary @samples/cat.jpg -H 'content-type: image/jpeg' ${address}/v1/classify

Stop it with Ctrl-C.`);

/** Ends the program where the command line is none that it knows. */
function readPort(): number {
  let given = process.env.PORT ?? '8787';
  try {
    given = parseArgs({ options: { port: { type: 'string', default: given } } }).values.port;
  } catch (error) {
    console.error(`${error instanceof Error ? error.message : error}\nUsage: npm start [-- --port 8787]`);
    process.exit(2);
  }
  const number = Number(given);
  if (Number.isInteger(number) && number > 0 && number < 65536) return number;
  console.error(`Expected a port of 1 to 65535 but found '${given}'.`);
  process.exit(2);
}

function isFree(candidate: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
      .once('error', () => resolve(false))
      .once('listening', () => server.close(() => resolve(true)))
      .listen(candidate, '127.0.0.1');
  });
}

/** Polls until the Worker answers; wrangler itself exits when it cannot start. */
async function untilReady(): Promise<void> {
  for (;;) {
    try {
      const response = await fetch(`${address}/readyz`);
      if (response.ok) return;
    } catch {
      // Not listening yet.
    }
    await new Promise((resolve) => setTimeout(resolve, 200));
  }
}
