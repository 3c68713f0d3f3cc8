// A connection's requests one after the other. Node hands over all that a client has sent ahead, so that their
// answers would wait in memory for a client that never reads one: 40 bytes of request for 110 KB of /openapi.json.

import type { IncomingMessage, ServerResponse } from 'node:http';
import type { Socket } from 'node:net';

type Listener = (incoming: IncomingMessage, outgoing: ServerResponse) => void;

/** Requests that a connection may have sent ahead of the one that is answered. Hardly a client sends any. */
export const MAX_AHEAD = 32;

/** `answer` is called for a request when the answers before it are sent; a connection with too many ahead is cut. */
export function oneAtATime(answer: Listener): Listener {
  const ahead = new WeakMap<Socket, (() => void)[]>();
  return (incoming, outgoing) => {
    const { socket } = incoming;
    const begin = () => {
      outgoing.once('close', () => {
        const next = ahead.get(socket)?.shift();
        if (next === undefined) ahead.delete(socket);
        else if (!socket.destroyed) next();
      });
      answer(incoming, outgoing);
    };
    const waiting = ahead.get(socket);
    if (waiting === undefined) {
      ahead.set(socket, []);
      begin();
    } else if (waiting.length < MAX_AHEAD) waiting.push(begin);
    else socket.destroy();
  };
}
