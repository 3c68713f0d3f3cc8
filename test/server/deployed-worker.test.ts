// The Worker as it is deployed, over sockets: what the platform does to requests that wait for others, and
// to those whose client has left.

import { readFileSync } from 'node:fs';
import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { type DeployedWorker, startDeployedWorker } from '../../scripts/deployed-worker.ts';

const photo = new Uint8Array(readFileSync('samples/cat.jpg'));
const [MAX_RUNNING, MAX_WAITING] = [2, 3];
/** Milliseconds: more than the platform takes to notice a request that has nothing under way. */
const PAUSE = 1000;

let worker: DeployedWorker;
beforeAll(async () => {
  worker = await startDeployedWorker({
    CACHE_SECONDS: '0',
    MAX_RUNNING: String(MAX_RUNNING),
    MAX_WAITING: String(MAX_WAITING),
    BODY_TIMEOUT_MS: '60000',
  });
});
afterAll(() => worker.stop());

/** The metric of this name. */
async function metric(name: string): Promise<number> {
  const page = await (await fetch(`${worker.url}/metrics`)).text();
  return Number(new RegExp(`^${name} (\\d+)`, 'm').exec(page)?.[1]);
}
const running = () => metric('vgg_edge_requests_running');
const waiting = () => metric('vgg_edge_requests_waiting');

const embed = () =>
  fetch(`${worker.url}/v1/embeddings?pool=gem`, {
    method: 'POST',
    headers: { 'content-type': 'image/jpeg' },
    body: photo,
  });

interface Upload {
  readonly socket: Socket;
  /** The answer's status, once it comes. */
  readonly status: Promise<number>;
  finish(): void;
}

/** Sends half of a photograph, and the rest when it is told to. */
function stall(): Upload {
  const { hostname, port } = new URL(worker.url);
  const socket = connect(Number(port), hostname);
  const half = photo.length >> 1;
  socket.write(
    `POST /v1/embeddings?pool=gem HTTP/1.1\r\nhost: ${hostname}\r\ncontent-type: image/jpeg\r\ncontent-length: ${photo.length}\r\n\r\n`,
  );
  socket.write(photo.subarray(0, half));
  const status = new Promise<number>((resolve) => {
    socket.once('data', (answer) => resolve(Number(answer.toString('latin1').split(' ')[1])));
    socket.once('close', () => resolve(0));
    socket.once('error', () => resolve(0));
  });
  return { socket, status, finish: () => socket.write(photo.subarray(half)) };
}

const pause = () => new Promise((resolve) => setTimeout(resolve, PAUSE));

test('first requests that wait for one load of the model are all answered', async () => {
  const answers = await Promise.all(Array.from({ length: MAX_RUNNING + MAX_WAITING }, embed));
  expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200));
});

describe('while uploads stall', () => {
  test('whoever waits for their places gets one, and nobody is taken for hung', async () => {
    const uploads = Array.from({ length: MAX_RUNNING }, stall);
    await expect.poll(running).toBe(MAX_RUNNING);
    const others = Array.from({ length: MAX_WAITING }, embed);
    await expect.poll(waiting).toBe(MAX_WAITING);
    await pause();
    expect((await embed()).status).toBe(503);
    for (const { finish } of uploads) finish();
    for (const { status } of uploads) expect(await status).toBe(200);
    for (const answer of await Promise.all(others)) expect(answer.status).toBe(200);
    for (const { socket } of uploads) socket.destroy();
  });

  test('clients that leave give up their places, running or waiting', async () => {
    const uploads = Array.from({ length: MAX_RUNNING }, stall);
    await expect.poll(running).toBe(MAX_RUNNING);
    const others = Array.from({ length: MAX_WAITING }, stall);
    await expect.poll(waiting).toBe(MAX_WAITING);
    for (const { socket } of others) socket.resetAndDestroy();
    await expect.poll(waiting).toBe(0);
    for (const { socket } of uploads) socket.resetAndDestroy();
    await expect.poll(running).toBe(0);
    expect((await embed()).status).toBe(200);
  });
});
