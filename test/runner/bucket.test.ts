import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest';
import type { BucketClientOptions } from '../../runner/sources/bucket-client.ts';
import { openSource } from '../../runner/sources/open-source.ts';
import { type BucketStandIn, startBucket } from './bucket-stand-in.ts';
import { describeSource, listAll } from './source-contract.ts';
import { writeTar } from './tar-writer.ts';

const bytesOf = (text: string) => new TextEncoder().encode(text);
/** In the order of their bytes. */
const IMAGES = [
  ...['photos/ +%20&<>"=#?.jpg', "photos/(1)!*'.jpg", 'photos/0.jpg', 'photos//double.jpg', 'photos/a/1.png'],
  ...['photos/a/2.jpg', 'photos/z.webp', 'photos/ü/é.jpg'],
];
const OBJECTS = new Map<string, Uint8Array>(
  ['notes.txt', 'photos/', 'photos/readme.md', 'other/0.jpg', ...IMAGES].map((key) => [key, bytesOf(key)]),
);
OBJECTS.set(
  'tars/s-0.tar',
  writeTar([
    { name: '0.jpg', content: 'zero' },
    { name: '0.cls', content: '7' },
  ]),
);
OBJECTS.set('tars/s-1.tar', writeTar([{ name: '1.jpg', content: 'one' }]));

let bucket: BucketStandIn;
const options = (changes: BucketClientOptions = {}) => ({
  bucket: { environment: bucket.environment, pause: 1, ...changes },
});

beforeAll(async () => {
  bucket = await startBucket('my-bucket', OBJECTS);
});
afterEach(() => {
  bucket.requests.length = 0;
  bucket.failures.length = 0;
});
afterAll(() => bucket.close());

describe('a prefix', () => {
  const paths = IMAGES.map((key) => key.slice('photos/'.length));
  const order = [...paths].sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  describeSource(async () => ({
    open: () => openSource('s3://my-bucket/photos/', options()),
    items: order.map((path) => [path, bytesOf(`photos/${path}`)]),
  }));
});

describe('tar files in a bucket', () => {
  describeSource(async () => ({
    open: () => openSource('s3://my-bucket/tars/s-{0..2}.tar', options()),
    items: [
      ['s-0.tar/0.jpg', bytesOf('zero')],
      ['s-1.tar/1.jpg', bytesOf('one')],
      ['s-2.tar', 'invalid_file'],
    ],
  }));

  test('an image is one request', async () => {
    const source = await openSource('s3://my-bucket/tars/s-0.tar', options());
    const [item] = await listAll(source);
    if (item === undefined) throw new Error('Expected an item.');
    bucket.requests.length = 0;
    expect(await source.read(item, 100)).toEqual(bytesOf('zero'));
    expect(bucket.requests).toEqual(['GET /my-bucket/tars/s-0.tar']);
  });

  test('one whose size the server does not tell is not taken for an empty one', async () => {
    const fetch = async () => new Response(null);
    const listed = listAll(await openSource('s3://my-bucket/tars/s-0.tar', options({ fetch })));
    await expect(listed).rejects.toMatchObject({
      name: 'SourceError',
      message: expect.stringContaining('without a content-length'),
    });
  });
});

describe('a list with s3: URLs', () => {
  let folder = '';
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'vgg-edge-bucket-'));
    await writeFile(join(folder, 'list.txt'), 's3://my-bucket/other/0.jpg\ns3://my-bucket/none.jpg\n');
  });
  afterAll(() => rm(folder, { recursive: true }));
  describeSource(async () => ({
    open: () => openSource(join(folder, 'list.txt'), options()),
    items: [
      ['s3://my-bucket/other/0.jpg', bytesOf('other/0.jpg')],
      ['s3://my-bucket/none.jpg', 'invalid_file'],
    ],
  }));
});

test.each([
  ['s3://my-bucket/photos/a/*', ['1.png', '2.jpg']],
  ['s3://my-bucket/*/*.{jpg,md}', 's3://my-bucket/*/*.{jpg,md}'],
  ['s3://my-bucket/other', ['other/0.jpg']],
  ['s3://my-bucket/none/', []],
])('%s', async (url, ids) => {
  const listed = (await listAll(await openSource(url, options()))).map(({ id }) => id);
  if (Array.isArray(ids)) expect(listed).toEqual(ids);
  else expect(listed).toContain('photos/readme.md');
});

test('a server that knows no url encoding', async () => {
  const plain = await startBucket('my-bucket', OBJECTS, { ignoresEncoding: true, pageSize: 1000 });
  const source = await openSource('s3://my-bucket/photos/', { bucket: { environment: plain.environment } });
  expect(await listAll(source)).toHaveLength(IMAGES.length);
  expect((await listAll(source)).map(({ id }) => id)).toContain(' +%20&<>"=#?.jpg');
  await plain.close();
});

test('a public bucket needs no keys', async () => {
  const open = await startBucket('my-bucket', OBJECTS, { anonymous: true });
  const source = await openSource('s3://my-bucket/other/', { bucket: { environment: open.environment } });
  const [item] = await listAll(source);
  if (item === undefined) throw new Error('Expected an item.');
  expect(await source.read(item, 100)).toEqual(bytesOf('other/0.jpg'));
  await open.close();
});

describe('refusals', () => {
  test('wrong keys are an error of the caller, with what the server says', async () => {
    const environment = { ...bucket.environment, AWS_SECRET_ACCESS_KEY: 'wrong' };
    const listed = listAll(await openSource('s3://my-bucket/', options({ environment })));
    await expect(listed).rejects.toThrow('403. The signature does not match.');
    await expect(listed).rejects.toMatchObject({ name: 'InputError' });
    expect(bucket.requests).toHaveLength(1);
  });

  test('no keys where keys are wanted', async () => {
    const environment = { ...bucket.environment, AWS_ACCESS_KEY_ID: '', AWS_SECRET_ACCESS_KEY: '' };
    const listed = listAll(await openSource('s3://my-bucket/', options({ environment })));
    await expect(listed).rejects.toThrow(/403\..* The request had no signature: set AWS_ACCESS_KEY_ID and/);
  });

  test.each([
    [{ AWS_SECRET_ACCESS_KEY: '' }, 'but found only AWS_ACCESS_KEY_ID.'],
    [{ AWS_ACCESS_KEY_ID: undefined }, 'but found only AWS_SECRET_ACCESS_KEY.'],
    [{ AWS_ENDPOINT_URL: '127.0.0.1:9000' }, "but found '127.0.0.1:9000'."],
    [{ AWS_ENDPOINT_URL: 'localhost:9000' }, "but found 'localhost:9000'."],
  ])('an environment that says too little: %j', async (wrong, message) => {
    const opened = openSource(
      's3://my-bucket/',
      options({ environment: { ...bucket.environment, ...wrong } }),
    );
    await expect(opened).rejects.toThrow(message);
    await expect(opened).rejects.toMatchObject({ name: 'InputError' });
    expect(bucket.requests).toEqual([]);
  });

  test('a bucket that is not there', async () => {
    const listed = listAll(await openSource('s3://no-bucket/', options()));
    await expect(listed).rejects.toThrow('The specified bucket does not exist.');
  });

  test('a page of the listing is asked for again while the server is busy', async () => {
    bucket.failures.push(503, 500, 429);
    expect(await listAll(await openSource('s3://my-bucket/photos/', options()))).toHaveLength(IMAGES.length);
  });

  test('but not for ever', async () => {
    bucket.failures.push(...Array<number>(5).fill(503));
    const listed = listAll(await openSource('s3://my-bucket/photos/', options()));
    await expect(listed).rejects.toMatchObject({
      name: 'SourceError',
      message: expect.stringContaining('503'),
    });
  });

  test('an object is read once: whoever reads decides about another try', async () => {
    const source = await openSource('s3://my-bucket/other/', options());
    const [item] = await listAll(source);
    if (item === undefined) throw new Error('Expected an item.');
    bucket.failures.push(503);
    await expect(source.read(item, 100)).rejects.toMatchObject({ name: 'SourceError' });
    expect(await source.read(item, 100)).toEqual(bytesOf('other/0.jpg'));
  });

  test('a server that is not there', async () => {
    const environment = { ...bucket.environment, AWS_ENDPOINT_URL: 'http://127.0.0.1:1' };
    const listed = listAll(await openSource('s3://my-bucket/', options({ environment })));
    await expect(listed).rejects.toMatchObject({ name: 'SourceError' });
  });

  test.each(['<html>', '', '<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>'])(
    'an answer that is no listing: %j',
    async (answer) => {
      const fetch = async () => new Response(answer);
      const listed = listAll(await openSource('s3://my-bucket/', options({ fetch })));
      await expect(listed).rejects.toMatchObject({ name: 'SourceError' });
    },
  );

  test('a key whose dots would lead to another object is not asked for', async () => {
    const source = await openSource('s3://my-bucket/', options());
    const item = { id: 'x', location: 's3://my-bucket/photos/../other/0.jpg', metadata: {} };
    await expect(source.read(item, 100)).rejects.toMatchObject({ name: 'InputError' });
    expect(bucket.requests).toEqual([]);
  });

  test.each(['s3://', 's3:///photos', 's3://UPPER/x', 's3://my-bucket/s-*.tar'])('%s', async (url) => {
    await expect(openSource(url, options())).rejects.toMatchObject({ name: 'InputError' });
  });
});
