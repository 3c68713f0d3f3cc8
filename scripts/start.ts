// `npm start`: serves the API on loopback with the model in the repository, in the same runtime that
// Cloudflare runs (workerd). `PORT=8788 npm start` chooses another port.

import { spawn } from 'node:child_process';
import { createServer } from 'node:net';
import { stageAssets } from './stage-assets.ts';

const port = Number(process.env.PORT ?? 8787);
const address = `http://127.0.0.1:${port}`;

if (!(await isFree(port))) {
  console.error(
    `Expected port ${port} to be free but another program listens there. Try: PORT=${port + 1} npm start`,
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

await untilReady();
console.log(`vgg-edge serves at ${address}: open it in a browser, or ask the API:

  curl --data-binary @samples/cat.jpg -H 'content-type: image/jpeg' ${address}/v1/classify

Stop it with Ctrl-C.`);

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
