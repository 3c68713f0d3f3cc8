// What stands behind the Cache API of workerd: a stored answer comes as PUT with the answer's text in the body, and is
// asked for with GET.

import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';

export interface CacheServer {
  /** Host and port. */
  readonly address: string;
  stop(): void;
}

/** Keeps everything, in memory. */
export async function startCacheServer(): Promise<CacheServer> {
  const stored = new Map<string, Buffer>();
  const server = createServer(async (request, response) => {
    const url = `${request.headers.host}${request.url}`;
    const pieces: Buffer[] = [];
    for await (const piece of request) pieces.push(piece);
    if (request.method === 'PUT') {
      stored.set(url, Buffer.concat(pieces));
      response.writeHead(204).end();
      return;
    }
    const answer = stored.get(url);
    if (answer === undefined) {
      response.writeHead(504, { 'cf-cache-status': 'MISS' }).end();
      return;
    }
    const end = answer.indexOf('\r\n\r\n');
    const [, ...lines] = answer.toString('latin1', 0, end).split('\r\n');
    const headers = lines.map((line) => line.split(/: (.*)/s).slice(0, 2));
    response.writeHead(200, [...headers, ['cf-cache-status', 'HIT']].flat());
    response.end(answer.subarray(end + 4));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  return {
    address: `127.0.0.1:${port}`,
    stop() {
      server.closeAllConnections();
      server.close();
    },
  };
}
