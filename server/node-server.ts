// The API in Node: the app with sharp's decoder and this machine's engine, over node:http.

import { createNodeDecoder, NODE_DECODE_BYTES } from '../engine/node/decode.ts';
import { pinnedFetch } from '../net/node/pinned-fetch.ts';
import { composeApp, type ServerOptions } from './compose-app.ts';
import { type RunningServer, startHttpServer } from './http-server.ts';
import { type NodeEngine, nodeEngine } from './node-engines.ts';

export interface NodeServerOptions extends ServerOptions {
  readonly engine: NodeEngine;
}

/** Throws InputError when the API would be open to others without keys, and what its parts throw. */
export async function startNodeServer(options: NodeServerOptions): Promise<RunningServer> {
  const { model, host, port, grace } = options;
  const { app, admission, dispose } = composeApp(options, {
    decoder: await createNodeDecoder(NODE_DECODE_BYTES, { isShared: true }),
    createEngine: await nodeEngine(options.engine, model),
    fetchImage: pinnedFetch(),
  });
  const server = await startHttpServer({ app, admission, host, port, grace });
  return {
    url: server.url,
    async stop() {
      const finished = await server.stop();
      await dispose();
      return finished;
    },
  };
}
