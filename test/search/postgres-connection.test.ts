// A connection to PostgreSQL that breaks amid a transaction: the caller is told, the process lives on.

import { once } from 'node:events';
import { type AddressInfo, createServer } from 'node:net';
import { expect, test } from 'vitest';
import { openPostgres } from '../../search/node/pgvector-store.ts';

/** A message of the server (PostgreSQL's protocol 3.0): type, length, body. */
function message(type: string, body: Uint8Array): Buffer {
  const length = Buffer.alloc(4);
  length.writeInt32BE(body.length + 4);
  return Buffer.concat([Buffer.from(type), length, body]);
}

const READY = message('Z', Buffer.from('I'));
const AUTHENTICATED = message('R', Buffer.alloc(4));
const BEGUN = message('C', Buffer.from('BEGIN\0'));

test('the statement fails, and no event ends the process', async () => {
  const uncaught: unknown[] = [];
  const note = (error: unknown) => uncaught.push(error);
  process.on('uncaughtException', note);
  const replies = [Buffer.concat([AUTHENTICATED, READY]), Buffer.concat([BEGUN, READY])];
  const server = createServer((socket) => {
    let asked = 0;
    socket.on('error', () => undefined);
    socket.on('data', () => {
      const reply = replies[asked];
      asked += 1;
      if (reply === undefined) socket.destroy();
      else socket.write(reply);
    });
  }).listen(0, '127.0.0.1');
  try {
    await once(server, 'listening');
    const { port } = server.address() as AddressInfo;
    const database = await openPostgres(`postgres://user:word@127.0.0.1:${port}/photos`);
    const asked = database.transaction((run) => run('SELECT 1'));
    await expect(asked).rejects.toThrow('Connection terminated unexpectedly');
    await database.close();
    await new Promise((resolve) => setImmediate(resolve));
    expect(uncaught).toEqual([]);
  } finally {
    process.off('uncaughtException', note);
    server.close();
  }
});
