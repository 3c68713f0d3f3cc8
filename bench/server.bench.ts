// What a Node server holds at the most, and how long others wait for an answer, while it is sent what takes the most
// memory and time. Each case has a process of its own, which runs as in the Dockerfile. Needs Linux.

import { readFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import sharp from 'sharp';
import { startLoaded } from '../scripts/loaded-server.ts';
import { table } from './measure.ts';
import { peakBytes, residentBytes } from './process-usage.ts';

const ROOT = join(import.meta.dirname, '..');
const MODEL = join(ROOT, 'models/default');
const PHOTOGRAPH = join(ROOT, 'samples/cat.jpg');
/** A server's places to run; and more than there are to run and wait (server/compose-app.ts). */
const RUNNING = 32;
const CROWD = 320;
/** Of wrangler.toml. */
const MAX_BODY_BYTES = 10 * 1024 * 1024;
/** Milliseconds between two questions whether it is alive. */
const EVERY = 100;
/** Milliseconds for which a client that reads nothing stays. */
const STAY = 10_000;

interface Case {
  readonly name: string;
  /** What was answered. */
  readonly send: (url: string) => Promise<string[]>;
}

export async function run(): Promise<void> {
  const rows = [];
  for (const each of await cases()) rows.push(await measureCase(each));
  const header = ['sent', 'answers', 'before, MB', 'at most, MB', 'slowest /livez, ms'];
  console.log(table(header, rows));
}

async function cases(): Promise<Case[]> {
  const side = 7000;
  const create = { width: side, height: side, channels: 3 as const, background: 'grey' };
  const png = new Uint8Array(await sharp({ create }).png({ compressionLevel: 1 }).toBuffer());
  const megabytes = (png.length / 1e6).toFixed(1);
  const photograph = new Uint8Array(readFileSync(PHOTOGRAPH));
  return [
    { name: `${CROWD} × JPEG of 31 KB`, send: atOnce(CROWD, 'image/jpeg', photograph) },
    {
      name: `${RUNNING} × PNG of ${(side * side) / 1e6} MP, ${megabytes} MB`,
      send: atOnce(RUNNING, 'image/png', png),
    },
    { name: `${RUNNING} × JSON of 10 MiB`, send: atOnce(RUNNING, 'application/json', largestJson()) },
    { name: '5 × 3000 × /openapi.json, nothing read', send: asksAhead(5, 3000) },
  ];
}

/** A JPEG with zeros after its end, which nobody looks at. */
function largestJson(): Uint8Array<ArrayBuffer> {
  const jpeg = new Uint8Array(Math.floor(((MAX_BODY_BYTES - 100) * 3) / 4));
  jpeg.set(readFileSync(PHOTOGRAPH));
  return new TextEncoder().encode(JSON.stringify({ input: Buffer.from(jpeg).toString('base64') }));
}

const atOnce = (requests: number, type: string, body: Uint8Array<ArrayBuffer>) => (url: string) =>
  Promise.all(
    Array.from({ length: requests }, async () => {
      const headers = { 'content-type': type };
      try {
        const answer = await fetch(`${url}/v1/embeddings?pool=gem`, { method: 'POST', headers, body });
        await answer.arrayBuffer();
        return String(answer.status);
      } catch {
        return 'no answer';
      }
    }),
  );

const asksAhead = (connections: number, requests: number) => (url: string) =>
  Promise.all(
    Array.from({ length: connections }, async () => {
      const socket = connect(Number(new URL(url).port), '127.0.0.1').pause();
      let left = 'kept';
      socket
        .on('error', () => undefined)
        .on('close', () => {
          left = 'cut off';
        });
      socket.write('GET /openapi.json HTTP/1.1\r\nhost: api.example.org\r\n\r\n'.repeat(requests));
      await new Promise((resolve) => setTimeout(resolve, STAY));
      socket.destroy();
      return left;
    }),
  );

async function measureCase({ name, send }: Case): Promise<string[]> {
  const server = await startLoaded('node', MODEL, { CACHE_SECONDS: '0', RATE_LIMIT: '1000000' });
  try {
    const before = residentBytes(server.pid);
    let slowest = 0;
    let unheard = 0;
    let asking = Promise.resolve();
    const ask = async () => {
      const start = performance.now();
      await fetch(`${server.url}/livez`).then(
        (answer) => answer.arrayBuffer(),
        () => {
          unheard += 1;
        },
      );
      slowest = Math.max(slowest, performance.now() - start);
    };
    const timer = setInterval(() => {
      asking = asking.then(ask);
    }, EVERY);
    const answers = await send(server.url).finally(() => clearInterval(timer));
    await asking;
    const counts = Map.groupBy(answers, (answer) => answer);
    return [
      name,
      [...counts].map(([answer, all]) => `${all.length} × ${answer}`).join(', '),
      (before / 1e6).toFixed(0),
      (peakBytes(server.pid) / 1e6).toFixed(0),
      slowest.toFixed(0) + (unheard > 0 ? `, ${unheard} not answered` : ''),
    ];
  } finally {
    await server.stop();
  }
}
