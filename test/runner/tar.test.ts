import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { openSource, type SourceOptions } from '../../runner/sources/open-source.ts';
import { TarError, tarMembers } from '../../runner/sources/tar-members.ts';
import { collect, describeSource, listAll } from './source-contract.ts';
import { paxEntry, type TarEntry, writeTar } from './tar-writer.ts';

const GOLDEN = join(import.meta.dirname, '../golden/tar');
let root = '';
const bytesOf = (text: string) => new TextEncoder().encode(text);

async function write(name: string, tar: Uint8Array): Promise<string> {
  await writeFile(join(root, name), tar);
  return join(root, name);
}

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'vgg-edge-tar-'));
  await mkdir(join(root, 'more'));
  const image = (name: string): TarEntry => ({ name, content: name });
  await write('s-00.tar', writeTar([image('0.jpg'), image('1.jpg'), image('1.jpg'), image('2.PNG')]));
  await write(
    's-01.tar',
    writeTar([image('a/0.jpg'), { name: 'linked.jpg', type: '2' }, image('./b/0.webp')]),
  );
  await write('more/s-02.tar', writeTar([image('0.jpg')]));
  const cut = writeTar([image('0.jpg'), image('1.jpg')]);
  await write('s-03.tar', cut.subarray(0, 1024 + 512 + 3));
  await write('s-04.tar', Buffer.from('no tar at all'.repeat(100)));
});

afterAll(() => rm(root, { recursive: true, force: true }));

const FIRST = [
  ['s-00.tar/0.jpg', bytesOf('0.jpg')],
  ['s-00.tar/1.jpg', bytesOf('1.jpg')],
  ['s-00.tar/1.jpg#3', bytesOf('1.jpg')],
  ['s-00.tar/2.PNG', bytesOf('2.PNG')],
] as const;
const SECOND = [
  ['s-01.tar/a/0.jpg', bytesOf('a/0.jpg')],
  ['s-01.tar/linked.jpg', 'invalid_file'],
  ['s-01.tar/b/0.webp', bytesOf('./b/0.webp')],
] as const;
const BROKEN = [
  ['s-03.tar/0.jpg', bytesOf('0.jpg')],
  ['s-03.tar', 'invalid_file'],
  ['s-04.tar', 'invalid_file'],
] as const;

describe('one tar', () => {
  describeSource(async () => ({ open: () => openSource(join(root, 's-00.tar')), items: FIRST }));
});

describe('tars by braces, one of which is not there', () => {
  describeSource(async () => ({
    open: () => openSource(`${root}/s-{00..04}.tar`),
    items: [...FIRST, ...SECOND, ['s-02.tar', 'invalid_file'], ...BROKEN],
  }));
});

describe('tars by a glob', () => {
  describeSource(async () => ({
    open: () => openSource(`${root}/**/*.tar`),
    items: [['more/s-02.tar/0.jpg', bytesOf('0.jpg')], ...FIRST, ...SECOND, ...BROKEN],
  }));
});

/** Name, offset and size of every regular file, by Python's tarfile. */
const NAMES: Readonly<Record<string, [string, number, number][]>> = JSON.parse(
  await readFile(join(GOLDEN, 'names.json'), 'utf8'),
);

describe.each(Object.entries(NAMES))('%s, of real writers', (file, expected) => {
  test('has the members that Python finds', async () => {
    const bytes = await readFile(join(GOLDEN, file));
    const members = await collect(tarMembers(bytes.length, reader(bytes)));
    const whole = members.filter(({ problem }) => problem === undefined);
    expect(whole.map(({ name, offset, size }) => [name, offset, size])).toEqual(expected);
  });
});

test('sparse files and links are items that fail by name', async () => {
  for (const [file, ids] of [
    ['sparse-gnu.tar', ['sparse-gnu.tar/holes.jpg']],
    ['sparse-pax.tar', ['sparse-pax.tar/holes.jpg']],
    ['gnu.tar', ['gnu.tar/sym.jpg', 'gnu.tar/hard.jpg']],
  ] as const) {
    const source = await openSource(join(GOLDEN, file));
    const broken = (await listAll(source)).filter(({ location }) => location.startsWith('broken:'));
    expect(broken.map(({ id }) => id)).toEqual(ids);
  }
});

describe('what stands beside an image becomes its metadata', () => {
  test.each<[what: string, entries: TarEntry[], options: SourceOptions, metadata: unknown]>([
    [
      'json, txt and cls',
      [
        { name: '0.json', content: '{"label":"cat","size":{"w":1}}' },
        { name: '0.jpg' },
        { name: '0.txt', content: 'eine Katze, ü' },
        { name: '0.cls', content: '7\n' },
        { name: '0.npy', content: 'passed over' },
      ],
      {},
      { label: 'cat', size: '{"w":1}', txt: 'eine Katze, ü', cls: 7 },
    ],
    ['a class that is a name', [{ name: '0.jpg' }, { name: '0.cls', content: 'cat' }], {}, { cls: 'cat' }],
    [
      'only what was chosen',
      [{ name: '0.jpg' }, { name: '0.json', content: '{"a":1,"b":2}' }],
      { metadataColumns: ['b'] },
      { b: 2 },
    ],
    ['nothing', [{ name: '0.jpg' }, { name: '0.json', content: 'no JSON' }], { metadataColumns: [] }, {}],
    ['not of another key', [{ name: '0.jpg' }, { name: '1.txt', content: 'other' }], {}, {}],
  ])('%s', async (_, entries, options, metadata) => {
    const path = await write('meta.tar', writeTar(entries));
    const [item] = await listAll(await openSource(path, options));
    expect(item?.metadata).toEqual(metadata);
  });

  test('of each of its images', async () => {
    const entries = [{ name: '0.left.jpg' }, { name: '0.right.jpg' }, { name: '0.cls', content: '7' }];
    const items = await listAll(await openSource(await write('pair.tar', writeTar(entries))));
    expect(items.map(({ id, metadata }) => [id, metadata])).toEqual([
      ['pair.tar/0.left.jpg', { cls: 7 }],
      ['pair.tar/0.right.jpg', { cls: 7 }],
    ]);
  });

  test.each([
    ['is no JSON object', '[1]', 'expected a JSON object in 0.json'],
    ['is too large', `{"a":"${'x'.repeat(200_000)}"}`, 'expected at most 102400 bytes in 0.json'],
    ['is more than metadata may be', `{"a":"${'x'.repeat(20_000)}"}`, 'bytes of metadata'],
  ])('and where it %s, the image fails by name', async (_, content, message) => {
    const path = await write('bad-meta.tar', writeTar([{ name: '0.jpg' }, { name: '0.json', content }]));
    const source = await openSource(path);
    const [item] = await listAll(source);
    if (item === undefined) throw new Error('Expected an item.');
    await expect(source.read(item, 100)).rejects.toThrow(message);
  });
});

describe('hostile archives', () => {
  const huge = new Uint8Array(12).fill(0xff);
  huge[0] = 0x80;
  const terabyte = Uint8Array.of(0x80, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0);

  test.each<[what: string, tar: Uint8Array, message: string]>([
    [
      'a size beyond the end',
      writeTar([{ name: '1.jpg', size: 4096 }]),
      'ends within the 4096 bytes of 1.jpg',
    ],
    ['a size of 2^88', writeTar([{ name: '1.jpg', sizeField: huge }]), 'no valid size'],
    [
      'a size of 2^32',
      writeTar([{ name: '1.jpg', sizeField: terabyte }]),
      'ends within the 4294967296 bytes',
    ],
    [
      'a negative size',
      writeTar([{ name: '1.jpg', sizeField: new Uint8Array(12).fill(0xff) }]),
      'no valid size',
    ],
    [
      'a size that is no number',
      writeTar([{ name: '1.jpg', sizeField: bytesOf('1x234567890\0') }]),
      'no valid size',
    ],
    ['a wrong checksum', writeTar([{ name: '1.jpg', checksum: 1 }]), 'expected a tar header at byte'],
    ['an end within a header', writeTar([{ name: '1.jpg' }]).subarray(0, 300), 'ends within the header'],
    ['a long name of 2 GiB', writeTar([{ name: 'x', type: 'L', size: 2 ** 31 }]), 'claims 2147483648 bytes'],
    ['a pax header beyond the end', writeTar([{ name: 'x', type: 'x', size: 90_000 }]), 'claims 90000 bytes'],
    [
      'pax records of no length',
      writeTar([{ name: 'x', type: 'x', content: '0 a=b\n' }]),
      'expected pax records',
    ],
    [
      'pax records that end early',
      writeTar([{ name: 'x', type: 'x', content: '99 a=b\n' }]),
      'expected pax records',
    ],
    ['a pax size that is none', writeTar([paxEntry({ size: '-1' }), { name: '1.jpg' }]), 'no valid size'],
  ])('%s', async (_, tar, message) => {
    const before = writeTar([{ name: '0.jpg', content: 'good' }], false);
    const source = await openSource(await write('hostile.tar', Buffer.concat([before, tar])));
    const [good, bad, ...rest] = await listAll(source);
    if (good === undefined || bad === undefined) throw new Error('Expected two items.');
    expect(await source.read(good, 100)).toEqual(bytesOf('good'));
    await expect(source.read(bad, 100)).rejects.toThrow(message);
    expect(rest).toEqual([]);
  });

  test('names that lead out of the archive are names and nothing else', async () => {
    const names = ['../../etc/x.jpg', '/etc/x.jpg', 'a\nb.jpg', `${'n'.repeat(90)}.jpg`];
    const source = await openSource(
      await write('names.tar', writeTar(names.map((name) => ({ name, content: 'x' })))),
    );
    const items = await listAll(source);
    expect(items.map(({ id }) => id)).toEqual([
      'names.tar/../../etc/x.jpg',
      'names.tar/etc/x.jpg',
      'names.tar/a\nb.jpg',
      `names.tar/${'n'.repeat(90)}.jpg`,
    ]);
    for (const item of items) expect(await source.read(item, 1)).toEqual(bytesOf('x'));
  });

  test('an archive that has become shorter', async () => {
    const path = await write('shrinks.tar', writeTar([{ name: '0.jpg', content: 'x'.repeat(600) }]));
    const source = await openSource(path);
    const [item] = await listAll(source);
    if (item === undefined) throw new Error('Expected an item.');
    await write('shrinks.tar', new Uint8Array(600));
    await expect(source.read(item, 1000)).rejects.toThrow('has become shorter');
  });

  test('damaged anywhere, it never does more than say so', async () => {
    const whole = await readFile(join(GOLDEN, 'pax.tar'));
    const damage = fc.array(fc.tuple(fc.nat(whole.length - 1), fc.nat(255)), { minLength: 1, maxLength: 4 });
    await fc.assert(
      fc.asyncProperty(damage, fc.nat(whole.length), async (changes, length) => {
        const bytes = Buffer.from(whole.subarray(0, length));
        for (const [place, value] of changes) if (place < length) bytes[place] = value;
        try {
          for await (const { offset, size } of tarMembers(length, reader(bytes))) {
            expect(offset + size).toBeLessThanOrEqual(length);
          }
        } catch (error) {
          expect(error).toBeInstanceOf(TarError);
        }
      }),
      { numRuns: 500 },
    );
  });
});

test('a pattern of more archives than may be', async () => {
  await expect(openSource('s-{0..9999999}.tar')).rejects.toMatchObject({ code: 'invalid_argument' });
});

function reader(bytes: Uint8Array) {
  return async (offset: number, length: number) => bytes.subarray(offset, offset + length);
}
