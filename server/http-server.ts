// The app on a socket of Node's, and its graceful end: what is being answered is answered, what is new is
// refused.

import { createServer, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo, Socket } from 'node:net';
import { getRequestListener } from '@hono/node-server';
import type { Admission } from '../worker/admission.ts';
import type { ApiApp } from '../worker/app.ts';
import { oneAtATime } from './one-at-a-time.ts';

export interface HttpServerOptions {
  readonly app: Pick<ApiApp, 'fetch'>;
  readonly admission: Admission;
  readonly host: string;
  /** 0 takes any free port. */
  readonly port: number;
  /** Milliseconds that work in flight has to finish. */
  readonly grace: number;
  readonly timeouts?: Partial<SocketTimeouts>;
}

/** Milliseconds. */
export interface SocketTimeouts {
  /** A client that sends its headers byte by byte would keep a socket for ever. */
  readonly headers: number;
  /** The whole request; longer than BODY_TIMEOUT_MS and the wait for a place together. */
  readonly request: number;
  /** Without a byte in either direction: who does not read its answer would keep it in memory. */
  readonly silence: number;
  /** Between looks for requests that are late; 30 s if Node is left to itself. */
  readonly check: number;
}

const TIMEOUTS: SocketTimeouts = { headers: 10_000, request: 120_000, silence: 300_000, check: 1000 };

export interface RunningServer {
  readonly url: string;
  /** Stops accepting, finishes what runs and waits, then closes. True when all of it was finished in time. */
  stop(): Promise<boolean>;
}

/** Milliseconds between looks for sockets that can be closed. */
const SWEEP = 20;
/**
 * Milliseconds that a connection has for a request when the server stops: one may be on its way. Node looks for
 * late headers no more then, so that who sends none would hold up the end.
 */
const LAST_CALL = 1000;
const KEEP_ALIVE_TIMEOUT = 5_000;
const MAX_HEADER_BYTES = 16 * 1024;

export async function startHttpServer({
  app,
  admission,
  host,
  port,
  grace,
  timeouts,
}: HttpServerOptions): Promise<RunningServer> {
  const listener = getRequestListener(app.fetch, { overrideGlobalObjects: false });
  const answer = oneAtATime((incoming, outgoing) => {
    void listener(incoming, outgoing);
  });
  const { headers, request, silence, check } = { ...TIMEOUTS, ...timeouts };
  const answering = new Map<ServerResponse, Socket>();
  const sockets = new Set<Socket>();
  let stopping: Promise<boolean> | undefined;
  const server = createServer(
    {
      headersTimeout: headers,
      requestTimeout: request,
      connectionsCheckingInterval: check,
      keepAliveTimeout: KEEP_ALIVE_TIMEOUT,
      maxHeaderSize: MAX_HEADER_BYTES,
    },
    (incoming, outgoing) => {
      answering.set(outgoing, incoming.socket);
      outgoing.once('close', () => answering.delete(outgoing));
      if (stopping !== undefined) outgoing.setHeader('connection', 'close');
      answer(incoming, outgoing);
    },
  );
  server.on('connection', (socket) => {
    sockets.add(socket);
    socket.once('close', () => sockets.delete(socket));
  });
  server.setTimeout(silence);
  await listen(server, host, port);
  const address = server.address() as AddressInfo;
  const name = address.family === 'IPv6' ? `[${address.address}]` : address.address;
  return {
    url: `http://${name}:${address.port}`,
    stop() {
      stopping ??= stop(server, { answering, sockets }, admission, grace);
      return stopping;
    },
  };
}

function listen(server: Server, host: string, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', reject);
    server.listen(port, host, resolve);
  });
}

/** What is there of a server's clients. */
interface Clients {
  /** In the order of the requests; of one socket there may be several. */
  readonly answering: ReadonlyMap<ServerResponse, Socket>;
  readonly sockets: ReadonlySet<Socket>;
}

async function stop(
  server: Server,
  { answering, sockets }: Clients,
  admission: Admission,
  grace: number,
): Promise<boolean> {
  const closed = new Promise<boolean>((resolve) => server.close(() => resolve(true)));
  // So that no client sends its next request into a socket that is about to be closed.
  const lastAnswers = new Map([...answering].map(([outgoing, socket]) => [socket, outgoing]));
  for (const outgoing of lastAnswers.values()) {
    if (!outgoing.headersSent) outgoing.setHeader('connection', 'close');
  }
  const since = performance.now();
  const sweep = setInterval(() => {
    // A socket that was busy a moment ago is idle now, and would be kept for the client's next request.
    server.closeIdleConnections();
    if (performance.now() - since < LAST_CALL) return;
    const busy = new Set(answering.values());
    for (const socket of sockets) if (!busy.has(socket)) socket.destroy();
  }, SWEEP);
  const late = new Promise<boolean>((resolve) => {
    setTimeout(() => resolve(false), grace).unref();
  });
  // Answers are written after their work is done, so sockets close last.
  const finished = await Promise.race([admission.close().then(() => closed), late]);
  clearInterval(sweep);
  server.closeAllConnections();
  return finished;
}
