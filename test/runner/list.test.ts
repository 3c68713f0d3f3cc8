import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { gzipSync, zstdCompressSync } from 'node:zlib';
import { parquetWriteBuffer } from 'hyparquet-writer';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openList } from '../../runner/sources/list.ts';
import { openSource, type SourceOptions } from '../../runner/sources/open-source.ts';
import { createRemoteReader } from '../../runner/sources/remote-image.ts';
import { textLines } from '../../runner/sources/text-lines.ts';
import { collect, describeSource, listAll } from './source-contract.ts';

let root = '';
const write = (name: string, content: string | Uint8Array) => writeFile(join(root, name), content);
const bytesOf = (text: string) => new TextEncoder().encode(text);

const URL_A = 'https://images.example.org/a.jpg';
/** Answers any request with the URL's own path. */
const readRemote = createRemoteReader(async (url) => new Response(url.pathname));

const open = (name: string, options: SourceOptions = {}) =>
  openSource(join(root, name), { readRemote, ...options });

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vgg-edge-list-'));
  await mkdir(join(root, 'photos'));
  for (const name of ['photos/1.jpg', 'photos/2, the "second".jpg', 'photos/ü.jpg']) await write(name, name);
});

afterAll(() => rm(root, { recursive: true, force: true }));

const THREE = ['photos/1.jpg', 'photos/2, the "second".jpg', 'photos/ü.jpg'] as const;
const [ONE, TWO, UMLAUT] = THREE;

describe.each<[name: string, content: () => string | Uint8Array, problem: string]>([
  ['list.txt', () => `\uFEFF${ONE}\r\n\r\n${TWO}\n${ONE}\nnone.jpg\n${UMLAUT}\n${URL_A}\n   \n`, ''],
  [
    'list.jsonl',
    () =>
      [
        JSON.stringify({ path: ONE, width: 640 }),
        JSON.stringify(TWO),
        JSON.stringify({ path: ONE }),
        JSON.stringify({ path: 'none.jpg' }),
        JSON.stringify({ path: UMLAUT }),
        JSON.stringify({ path: URL_A }),
        '{"path": "a.jpg"',
        '[]',
        JSON.stringify({ path: 7 }),
        JSON.stringify({ path: '' }),
        JSON.stringify({ path: ONE, note: 'x'.repeat(11_000) }),
        'x'.repeat(2 << 20),
      ].join('\n'),
    'rows',
  ],
  [
    'list.csv',
    () =>
      `\uFEFFwidth,path\n640,${ONE}\n,"photos/2, the ""second"".jpg"\n1,${ONE}\r\n1,none.jpg\n1,${UMLAUT}\n1,${URL_A}\n` +
      '1\n1,a.jpg,b.jpg\n1,\n1,"  "\n',
    'rows',
  ],
  [
    'list.tsv',
    () => `path\twidth\n${THREE[0]}\t640\n${TWO}\t1\n${ONE}\t\nnone.jpg\t1\n${UMLAUT}\t1\n${URL_A}\t\n`,
    '',
  ],
  [
    'list.parquet',
    () =>
      new Uint8Array(
        parquetWriteBuffer({
          columnData: [
            {
              name: 'path',
              data: [ONE, TWO, ONE, 'none.jpg', UMLAUT, URL_A, null, '', '\0'],
              type: 'STRING',
            },
            { name: 'width', data: [640n, null, 1n, 1n, 1n, 1n, 1n, 1n, 1n], type: 'INT64' },
            { name: 'image_bytes', data: Array(9).fill(new Uint8Array(100)), type: 'BYTE_ARRAY' },
          ],
          rowGroupSize: 4,
        }),
      ),
    'rows',
  ],
])('%s', (name, content, problem) => {
  beforeAll(() => write(name, content()));

  const broken = { 'list.jsonl': 6, 'list.csv': 4, 'list.parquet': 3 }[name] ?? 0;
  describeSource(async () => ({
    open: () => open(name),
    items: [
      [ONE, bytesOf(ONE)],
      [TWO, bytesOf(TWO)],
      [`${ONE}#3`, bytesOf(ONE)],
      ['none.jpg', 'invalid_file'],
      [UMLAUT, bytesOf(UMLAUT)],
      [URL_A, bytesOf('/a.jpg')],
      ...Array.from({ length: broken }, (_, index) => [`${name}#${7 + index}`, 'invalid_file'] as const),
    ],
  }));

  test('what is wrong with a row names the row and the list', async () => {
    if (problem === '') return;
    const source = await open(name);
    const item = (await listAll(source)).at(6);
    if (item === undefined) throw new Error('Expected a seventh item.');
    await expect(source.read(item, 100)).rejects.toThrow(`Row 7 of ${join(root, name)}: expected`);
  });
});

const X62 = 'x'.repeat(62);
const X64 = 'x'.repeat(64);

test.each<[name: string, content: string, options: SourceOptions, metadata: unknown]>([
  [
    'meta.csv',
    'Path,label,year,zip code,2nd,price,long,yes\na.jpg,cat,2020,0123,x,9.90,12345678901234567890,true\n',
    {},
    // biome-ignore format: a row of the table
    { label: 'cat', year: 2020, zip_code: '0123', _2nd: 'x', price: 9.9, long: '12345678901234567890', yes: 'true' },
  ],
  ['url.csv', 'caption,URL\na cat,https://a.org/x.jpg\n', {}, { caption: 'a cat' }],
  [
    'named.csv',
    'foto,label,other\na.jpg,cat,1\n',
    { column: 'foto', metadataColumns: ['label'] },
    { label: 'cat' },
  ],
  ['none.csv', 'foto,label\na.jpg,cat\n', { column: 'foto', metadataColumns: [] }, {}],
  [
    'nested.jsonl',
    '{"image":"a.jpg","tags":["x","y"],"box":{"x":1},"none":null,"__proto__":{"x":1},"ok":true}\n',
    {},
    { tags: '["x","y"]', box: '{"x":1}', ok: true },
  ],
  [
    'equal.csv',
    'path,название,описание,a b,a-b,a_b_2,a_b,n,n\na.jpg,1,2,,4,5,6,7,8\n',
    {},
    { _: 1, __2: 2, a_b_2: 4, a_b_2_2: 5, a_b_3: 6, n: 7, n_2: 8 },
  ],
  ['long.csv', `path,${'x'.repeat(64)},${'x'.repeat(70)}\na.jpg,1,2\n`, {}, { [X64]: 1, [`${X62}_2`]: 2 }],
  [
    'plain.jsonl',
    `{"path":"a.jpg","zero":"a\\u0000b","half":"\\ud800.","nested":["\\u0000"]}\n`,
    {},
    { zero: 'a\uFFFDb', half: '\uFFFD.', nested: '["\\u0000"]' },
  ],
])('metadata of %s', async (name, content, options, metadata) => {
  await write(name, content);
  expect((await listAll(await open(name, options)))[0]?.metadata).toEqual(metadata);
});

test('ids from a column of their own', async () => {
  await write('ids.csv', 'key,path\n7,photos/1.jpg\n007,photos/1.jpg\n,photos/1.jpg\n');
  const items = await listAll(await open('ids.csv', { idColumn: 'key' }));
  expect(items.map(({ id }) => id)).toEqual(['7', '007', 'ids.csv#3']);
  expect(items[0]?.metadata).toEqual({});
  await write(
    'texts.csv',
    'key,path,price\n1.10,photos/1.jpg,9.90\n1.1,photos/1.jpg,10\n-0,photos/1.jpg,1\n',
  );
  const texts = await listAll(await open('texts.csv', { idColumn: 'key' }));
  expect(texts.map(({ id }) => id)).toEqual(['1.10', '1.1', '-0']);
  expect(texts.map(({ metadata }) => metadata.price)).toEqual([9.9, 10, 1]);
  await write('plain-ids.jsonl', '{"key":"a\\u0000","path":"x"}\n{"key":"a\\ud800","path":"x"}\n');
  const plain = await listAll(await open('plain-ids.jsonl', { idColumn: 'key' }));
  expect(plain.map(({ id }) => id)).toEqual(['a\uFFFD', 'a\uFFFD#2']);
});

test('absolute paths, file: URLs and paths above the list lead where they say', async () => {
  await write('photos/list.txt', `${join(root, ONE)}\nfile://${root}/photos/1.jpg\n../photos/1.jpg\n`);
  const source = await open('photos/list.txt');
  for (const item of await listAll(source)) expect(await source.read(item, 100)).toEqual(bytesOf(ONE));
});

test('a URL of a scheme that is not read fails for that reason', async () => {
  await write('schemes.txt', 'gs://bucket/a.jpg\nftp://host/a.jpg\nC:photo.jpg\n');
  const source = await open('schemes.txt');
  const problems = await Promise.all(
    (await listAll(source)).map((item) => source.read(item, 100).catch(({ message }) => message)),
  );
  expect(problems).toEqual([
    expect.stringMatching(/of http:, https:, s3: or file:, but found "gs:/),
    expect.stringMatching(/but found "ftp:/),
    expect.stringMatching(/there is none/),
  ]);
});

test('rows of JSON need not have every field that is kept', async () => {
  await write('fields.jsonl', '{"path":"a"}\n{"path":"b","label":"cat"}\n');
  const items = await listAll(await open('fields.jsonl', { metadataColumns: ['label'] }));
  expect(items.map(({ metadata }) => metadata)).toEqual([{}, { label: 'cat' }]);
});

test.each<[name: string, content: string | Uint8Array, options: SourceOptions, message: string]>([
  ['no-column.csv', 'a,b\n1,2\n', {}, 'but found a, b. Name it with --column.'],
  ['other-column.csv', 'path,b\n1,2\n', { column: 'photo' }, "Expected a column 'photo' in"],
  ['no-ids.csv', 'path,b\n1,2\n', { idColumn: 'key' }, "Expected a column 'key' in"],
  ['semicolons.csv', 'path;b\n1;2\n', {}, 'by commas in .csv and by tabs in .tsv, not by semicolons.'],
  ['no-label.csv', 'path,b\n1,2\n', { metadataColumns: ['b', 'label'] }, "Expected a column 'label' in"],
  ['quote.csv', `path\n"${'x'.repeat(3 << 20)}`, {}, 'cannot be read'],
  ['text.parquet', 'path\na.jpg\nb.jpg\n', {}, 'cannot be read'],
  ['empty.parquet', '', {}, 'but found 0 bytes'],
  [
    'lz4.parquet',
    new Uint8Array(
      parquetWriteBuffer({
        columnData: [{ name: 'path', data: ['a.jpg'] }],
        codec: 'LZ4_RAW',
        compressors: { LZ4_RAW: (bytes: Uint8Array) => bytes },
      }),
    ),
    {},
    'but found LZ4_RAW',
  ],
  [
    'cut.parquet',
    new Uint8Array(parquetWriteBuffer({ columnData: [{ name: 'path', data: ['a.jpg'] }] })).subarray(0, -20),
    {},
    'cannot be read',
  ],
])('%s cannot be listed, and the error says why', async (name, content, options, message) => {
  await write(name, content);
  const source = await open(name, options);
  const listed = listAll(source);
  await expect(listed).rejects.toThrow(message);
  await expect(listed).rejects.toMatchObject({ name: 'InputError' });
});

test.each(['list.txt', 'list.jsonl', 'list.csv', 'list.parquet'])(
  '%s without rows is empty',
  async (ending) => {
    const nothing = new Uint8Array(
      parquetWriteBuffer({ columnData: [{ name: 'path', data: [], type: 'STRING' }] }),
    );
    await write(`nothing-${ending}`, ending.endsWith('parquet') ? nothing : '');
    expect(await listAll(await open(`nothing-${ending}`))).toEqual([]);
  },
);

test.each([
  ['GZIP', gzipSync],
  ['ZSTD', zstdCompressSync],
] as const)('Parquet compressed with %s', async (codec, compress) => {
  const columnData = [
    { name: 'path', data: Array.from({ length: 50 }, (_, index) => `photos/${index}.jpg`) },
  ];
  const compressors = { [codec]: (bytes: Uint8Array) => compress(bytes) };
  await write('packed.parquet', new Uint8Array(parquetWriteBuffer({ columnData, codec, compressors })));
  expect(await listAll(await open('packed.parquet'))).toHaveLength(50);
});

test('a list that vanishes', async () => {
  const source = await openList(join(root, 'vanished.csv'));
  await expect(listAll(source)).rejects.toMatchObject({ name: 'InputError', code: 'invalid_file' });
});

describe('URLs', () => {
  const reading = (answer: () => Response | Promise<Response>, url = URL_A, timeout?: number) =>
    createRemoteReader(async () => answer(), timeout)(url, 10);

  test.each([408, 429, 500, 503])('status %i may pass', async (status) => {
    await expect(reading(() => new Response('', { status }))).rejects.toMatchObject({ name: 'SourceError' });
  });

  test.each([403, 404, 410])('status %i does not', async (status) => {
    await expect(reading(() => new Response('', { status }))).rejects.toMatchObject({
      code: 'url_not_fetched',
    });
  });

  test('no connection, and no answer in time, may pass', async () => {
    await expect(reading(() => Promise.reject(new Error('ECONNRESET')))).rejects.toMatchObject({
      name: 'SourceError',
      message: expect.stringContaining('ECONNRESET'),
    });
    await expect(reading(() => new Promise(() => undefined), URL_A, 20)).rejects.toMatchObject({
      name: 'SourceError',
    });
  });

  test('more bytes than allowed', async () => {
    await expect(reading(() => new Response('x'.repeat(11)))).rejects.toMatchObject({
      code: 'image_too_large',
    });
  });

  test.each(['http://127.0.0.1/a.jpg', 'http://169.254.169.254/latest/meta-data', 'http://localhost/a.jpg'])(
    '%s is not called',
    async (url) => {
      let calls = 0;
      const count = () => {
        calls += 1;
        return new Response('');
      };
      await expect(reading(count, url)).rejects.toMatchObject({ code: 'url_not_allowed' });
      expect(calls).toBe(0);
    },
  );

  test('http is allowed, and followed to https', async () => {
    const answers = [
      new Response('', { status: 302, headers: { location: 'https://b.example.org/b' } }),
      new Response('b'),
    ];
    expect(await reading(() => answers.shift() ?? new Response(''), 'http://a.example.org/a')).toEqual(
      bytesOf('b'),
    );
  });
});

test('lines cut anywhere come whole', async () => {
  await write('lines.txt', `${'ü'.repeat(70_000)}\n${'x'.repeat(200)}\r\nlast`);
  const lines = await collect(textLines(join(root, 'lines.txt'), 70_000));
  expect(lines.map((line) => line?.length)).toEqual([70_000, 200, 4]);
});
