// torchvision's official files: which they are, and fetching one from a server on this machine.

import { createHash } from 'node:crypto';
import { mkdir, mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { FAMILY_NAMES } from '../../core/family.ts';
import {
  type DownloadProgress,
  downloadWeights,
  officialWeights,
  type PublishedFile,
  weightsCacheFolder,
} from '../../model-build/download-weights.ts';

const WEIGHTS = Buffer.alloc(300_000, 'weights');
const SHA256 = createHash('sha256').update(WEIGHTS).digest('hex');

/** A server that answers like the listener, a file published there, and an empty cache folder. */
async function setUp(
  listener: RequestListener,
): Promise<{ file: PublishedFile; folder: string; path: string }> {
  const server = createServer(listener);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  const port = typeof address === 'object' ? address?.port : undefined;
  const root = await mkdtemp(join(tmpdir(), 'vgg-edge-'));
  onTestFinished(() => rm(root, { recursive: true }));
  const fileName = `tiny-${SHA256.slice(0, 8)}.pth`;
  const folder = join(root, 'cache', 'vgg-edge');
  const file = { url: `http://127.0.0.1:${port}/${fileName}`, fileName, sha256Prefix: SHA256.slice(0, 8) };
  return { file, folder, path: join(folder, fileName) };
}

const filesIn = (folder: string): Promise<string[]> => readdir(folder).catch(() => []);

describe('officialWeights', () => {
  test.each(FAMILY_NAMES)('torchvision:%s', (name) => {
    const file = officialWeights(`torchvision:${name}`);
    expect(file?.fileName).toMatch(new RegExp(`^${name}-[0-9a-f]{8}\\.pth$`));
    expect(file?.fileName).toBe(`${name}-${file?.sha256Prefix}.pth`);
    expect(file?.url).toBe(`https://download.pytorch.org/models/${file?.fileName}`);
  });

  test('anything without the scheme is a path', () => {
    expect(officialWeights('weights/vgg11.pth')).toBeNull();
  });

  test.each(['torchvision:vgg12', 'torchvision:', 'torchvision:toString', 'torchvision:../vgg11'])(
    'refuses %s',
    (name) => {
      expect(() => officialWeights(name)).toThrow(
        /Expected one of vgg11, vgg11_bn, .* vgg19_bn after 'torchvision:'/,
      );
    },
  );
});

test.each([
  [{ XDG_CACHE_HOME: '/caches' }, '/caches/vgg-edge'],
  [{ XDG_CACHE_HOME: '' }, '/home/ada/.cache/vgg-edge'],
  [{}, '/home/ada/.cache/vgg-edge'],
])('the cache folder for %j is %s', (env, folder) => {
  expect(weightsCacheFolder(env, '/home/ada')).toBe(folder);
});

describe('downloadWeights', () => {
  test('fetches the file once, with progress, and verifies it', async () => {
    let requests = 0;
    const { file, folder, path } = await setUp((_, response) => {
      requests += 1;
      response.setHeader('content-length', WEIGHTS.length).end(WEIGHTS);
    });
    const progress: DownloadProgress[] = [];
    const options = { folder, fetch, onProgress: (at: DownloadProgress) => void progress.push(at) };
    expect(await downloadWeights(file, options)).toBe(path);
    expect(await downloadWeights(file, options)).toBe(path);
    expect(requests).toBe(1);
    expect(await readFile(path)).toEqual(WEIGHTS);
    expect(progress.at(-1)).toEqual({ receivedBytes: WEIGHTS.length, totalBytes: WEIGHTS.length });
    expect(await filesIn(folder)).toEqual([file.fileName]);
  });

  test('two at once both succeed', async () => {
    const { file, folder, path } = await setUp((_, response) => void response.end(WEIGHTS));
    const both = [downloadWeights(file, { folder, fetch }), downloadWeights(file, { folder, fetch })];
    expect(await Promise.all(both)).toEqual([path, path]);
    expect(await filesIn(folder)).toEqual([file.fileName]);
  });

  test.each<[string, RequestListener, object]>([
    [
      'an error of the server',
      (_, response) => void response.writeHead(404).end('no'),
      {
        code: 'unreachable',
        message: expect.stringMatching(/found status 404\. Without a network: fetch that file/),
      },
    ],
    [
      'a connection that breaks half-way',
      (_, response) => {
        response.setHeader('content-length', WEIGHTS.length).write(WEIGHTS.subarray(0, 100_000));
        setTimeout(() => response.destroy(), 20);
      },
      { code: 'unreachable' },
    ],
    [
      'other bytes',
      (_, response) => void response.end('<html>'),
      {
        code: 'checksum_mismatch',
        message: expect.stringMatching(/a SHA-256 that begins with \w{8} for http:.* but found/),
      },
    ],
  ])('refuses %s and leaves nothing behind', async (_, listener, expected) => {
    const { file, folder } = await setUp(listener);
    await expect(downloadWeights(file, { folder, fetch })).rejects.toMatchObject({
      name: 'SourceError',
      ...expected,
    });
    expect(await filesIn(folder)).toEqual([]);
  });

  test('without a network says what to fetch and where to put it', async () => {
    const { folder } = await setUp(() => undefined);
    const file = officialWeights('torchvision:vgg11_bn');
    if (file === null) throw new TypeError('vgg11_bn is official');
    const offline = (): Promise<Response> =>
      Promise.reject(
        new TypeError('fetch failed', { cause: new Error('getaddrinfo ENOTFOUND download.pytorch.org') }),
      );
    await expect(downloadWeights(file, { folder, fetch: offline })).rejects.toMatchObject({
      code: 'unreachable',
      message:
        'Expected https://download.pytorch.org/models/vgg11_bn-6002323d.pth to answer with the weights but found ' +
        'fetch failed (getaddrinfo ENOTFOUND download.pytorch.org). Without a network: fetch that file on another ' +
        `machine and put it at ${join(folder, 'vgg11_bn-6002323d.pth')}, then run the command again.`,
    });
    expect(await filesIn(folder)).toEqual([]);
  });

  test('a file put there by hand is taken, if it is the right one', async () => {
    const { file, folder, path } = await setUp((_, response) => void response.writeHead(500).end());
    await mkdir(folder, { recursive: true });
    await writeFile(path, WEIGHTS);
    expect(await downloadWeights(file, { folder, fetch })).toBe(path);
    await writeFile(path, 'something else');
    await expect(downloadWeights(file, { folder, fetch })).rejects.toMatchObject({
      code: 'checksum_mismatch',
      message: expect.stringContaining(`Delete ${path} and run the command again`),
    });
  });

  test('a cache folder that cannot be made', async () => {
    const { file, folder } = await setUp((_, response) => void response.end(WEIGHTS));
    await mkdir(join(folder, '..'), { recursive: true });
    await writeFile(folder, 'a file in its place');
    await expect(downloadWeights(file, { folder, fetch })).rejects.toMatchObject({
      name: 'InputError',
      message: expect.stringMatching(
        /Expected a folder that can be written .* Set XDG_CACHE_HOME to another/,
      ),
    });
  });
});
