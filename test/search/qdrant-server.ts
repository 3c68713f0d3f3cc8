// The stand-in of Qdrant at a loopback port.

import { serve } from '@hono/node-server';
import { createQdrantStandIn } from './qdrant-stand-in.ts';

export interface QdrantServer {
  readonly url: string;
  close(): Promise<void>;
}

export async function startQdrant(apiKey: string): Promise<QdrantServer> {
  const fetch = createQdrantStandIn(apiKey);
  return new Promise((resolve) => {
    const server = serve(
      { fetch: (request: Request) => fetch(request), port: 0, hostname: '127.0.0.1' },
      ({ port }) =>
        resolve({
          url: `http://127.0.0.1:${port}`,
          close: () => new Promise((closed) => server.close(() => closed())),
        }),
    );
  });
}
