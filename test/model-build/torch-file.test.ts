// PyTorch's files, zip and legacy: views of storages within bounds, and every way out of them refused
// with the tensor's name.

import { describe, expect, test } from 'vitest';
import type { TensorFile } from '../../core/tensor.ts';
import { openSource } from '../../model-build/open-weights.ts';
import { goldenBytes } from './goldens.ts';
import { memorySource } from './memory-source.ts';
import {
  bytesOf,
  call,
  dict,
  global,
  int64,
  integer,
  list,
  long,
  NONE,
  pickle,
  TRUE,
  tensor,
  text,
  tuple,
} from './pickle-writer.ts';
import { floats, legacyFile, SIX_FLOATS, zipArchive, zipFile } from './torch-writer.ts';

const open = (bytes: Uint8Array): Promise<TensorFile> => openSource(memorySource(bytes));

const FORMATS = [
  ['zip', zipFile],
  ['legacy', legacyFile],
] as const;

describe.each(FORMATS)('%s', (_, write) => {
  test.each<[string, Parameters<typeof tensor>[0], number[]]>([
    ['a whole storage', {}, [1, 2, 3, 4, 5, 6]],
    ['an offset', { offset: 2, shape: [2, 2], strides: [2, 1] }, [3, 4, 5, 6]],
    ['a transposed view', { shape: [3, 2], strides: [1, 3] }, [1, 4, 2, 5, 3, 6]],
    ['every second', { offset: 1, shape: [3], strides: [2] }, [2, 4, 6]],
    [
      'a dimension of one, whose stride does not count',
      { shape: [1, 6], strides: [99, 1] },
      [1, 2, 3, 4, 5, 6],
    ],
    ['a scalar', { offset: 5, shape: [], strides: [] }, [6]],
    ['an empty tensor', { shape: [0, 3], strides: [3, 1] }, []],
  ])('reads %s', async (_name, written, expected) => {
    const weights = await open(write(dict({ w: tensor(written) })));
    expect([...(await weights.read('w'))]).toEqual(expected);
  });

  test('two tensors of one storage', async () => {
    const weights = await open(
      write(dict({ a: tensor(), b: tensor({ offset: 5, shape: [1], strides: [1] }) })),
    );
    expect([...(await weights.read('b'))]).toEqual([6]);
  });

  test.each([
    ['alone', (w: Uint8Array) => w],
    ['under state_dict', (w: Uint8Array) => dict({ epoch: integer(3), state_dict: w })],
    ['under model', (w: Uint8Array) => dict({ optimizer: dict({ state: NONE }), model: w })],
    ['under model, under state_dict', (w: Uint8Array) => dict({ model: dict({ state_dict: w }) })],
    [
      'in an ordered dict of pairs',
      () => call(global('collections', 'OrderedDict'), list(tuple(text('w'), tensor()))),
    ],
    [
      'as a parameter',
      () => dict({ w: call(global('torch._utils', '_rebuild_parameter'), tensor(), TRUE, NONE) }),
    ],
  ])('finds the weights %s', async (_name, wrap) => {
    expect([...(await open(write(wrap(dict({ w: tensor() }))))).tensors.keys()]).toEqual(['w']);
  });

  test.each<[string, Parameters<typeof tensor>[0], RegExp]>([
    [
      'an offset past the end',
      { offset: 1 },
      /shape \[2,3\] .* at offset 1 within its storage for w .* 6 elements/,
    ],
    [
      'an offset of 2⁶³',
      { offset: 2n ** 63n },
      /an offset into its storage for w but found 9223372036854775808/,
    ],
    ['a negative offset', { offset: -1 }, /an offset into its storage for w but found -1/],
    ['a shape past the end', { shape: [3, 3] }, /shape \[3,3\] .* for w/],
    ['a size of 2⁶³', { shape: [2n ** 63n, 3] }, /whole numbers as shape for w .*9223372036854775808/],
    ['a negative size', { shape: [-2, 3] }, /whole numbers as shape for w .*-2/],
    [
      'a product beyond 2⁵³',
      { shape: [2 ** 40, 2 ** 40], strides: [2 ** 40, 1] },
      /a shape within the file for w/,
    ],
    ['a negative stride', { strides: [-3, 1] }, /whole numbers as strides for w/],
    ['strides past the end', { strides: [4, 1] }, /strides \[4,1\] at offset 0 within its storage for w/],
    ['a value repeated 2⁴⁰ times', { shape: [2 ** 40], strides: [0] }, /do not overlap .* for w .* \[0\]/],
    ['overlapping rows', { shape: [4, 3], strides: [1, 1] }, /do not overlap .* for w/],
    ['too few strides', { strides: [1] }, /2 strides for shape \[2,3\] for w but found \[1\]/],
    [
      'nine dimensions',
      { shape: Array(9).fill(1), strides: Array(9).fill(1) },
      /at most 8 whole numbers .* for w/,
    ],
    ['a storage of 2⁶³ elements', { elements: 2n ** 63n }, /a number of elements/],
    ['a type that is no storage', { storage: 'FooStorage' }, /torch\.FooStorage, which is refused/],
  ])('refuses %s', async (_name, written, message) => {
    await expect(open(write(dict({ w: tensor(written) })))).rejects.toMatchObject({
      name: 'InputError',
      code: 'invalid_weights',
      message: expect.stringMatching(message),
    });
  });

  test.each<[string, Uint8Array, RegExp]>([
    [
      'a call of os.system',
      call(global('os', 'system'), text('echo pwned')),
      /the name os\.system, which is refused/,
    ],
    [
      'one among tensors',
      dict({ w: tensor(), x: call(global('builtins', 'exec'), text('1')) }),
      /the name builtins\.exec/,
    ],
    [
      'a whole model',
      global('torchvision.models.vgg', 'VGG'),
      /\(save model\.state_dict\(\) alone\) .* the name torchvision\.models\.vgg\.VGG/,
    ],
    [
      'attributes of a class',
      bytesOf(global('torch', 'FloatStorage'), '}b'),
      /attributes of torch\.FloatStorage/,
    ],
    ['a persistent object that is no storage', bytesOf(tuple(text('module')), 'Q'), /'storage' as the kind/],
    ['a persistent number', bytesOf(integer(7), 'Q'), /a tuple that describes a storage .* 7/],
    [
      'one storage with two lengths',
      dict({ a: tensor(), b: tensor({ elements: 7 }) }),
      /6 elements .* found 7/,
    ],
    [
      'one storage of two types',
      dict({ a: tensor(), b: tensor({ storage: 'HalfStorage' }) }),
      /float32.*float16/,
    ],
  ])('refuses %s', async (_name, value, message) => {
    await expect(open(write(value))).rejects.toMatchObject({
      name: 'InputError',
      code: 'invalid_weights',
      message: expect.stringMatching(message),
    });
  });

  test.each<[string, Uint8Array, RegExp]>([
    ['a list', list(), /a state dict, alone or under .* but found a list/],
    ['a dict without tensors', dict({ epoch: integer(1), lr: NONE }), /but found a dict of 'epoch', 'lr'/],
    ['an empty dict', dict({}), /but found an empty dict/],
    [
      'a tensor without storage',
      dict({ w: call(global('torch._utils', '_rebuild_tensor'), NONE, integer(0), tuple(), tuple()) }),
      /a storage for w but found None/,
    ],
  ])('refuses %s', async (_name, value, message) => {
    await expect(open(write(value, {}))).rejects.toThrow(message);
  });

  test('every truncation', async () => {
    const whole = write(dict({ w: tensor() }));
    for (let length = 0; length < whole.length; length += 1) {
      await expect(open(whole.subarray(0, length)), `${length} bytes`).rejects.toMatchObject({
        name: 'InputError',
      });
    }
  });
});

describe('legacy', () => {
  const value = dict({ w: tensor() });

  test('a storage that is a view of another, as before PyTorch 0.4', async () => {
    const view = tuple(text('1'), integer(2), integer(4));
    const id = tuple(
      text('storage'),
      global('torch', 'FloatStorage'),
      text('0'),
      text('cpu'),
      integer(6),
      view,
    );
    const rebuild = global('torch._utils', '_rebuild_tensor');
    const viewed = call(rebuild, bytesOf(id, 'Q'), integer(1), tuple(integer(3)), tuple(integer(1)));
    const weights = await open(legacyFile(dict({ w: viewed })));
    expect([...(await weights.read('w'))]).toEqual([4, 5, 6]);
  });

  test.each<[string, (file: Uint8Array) => Uint8Array, RegExp]>([
    ['another magic number', () => pickle(long(1n)), /PyTorch's magic number for memory\.pth but found 1/],
    [
      'another protocol',
      () => bytesOf(pickle(long(0x1950a86a20f9469cfc6cn)), pickle(integer(1002))),
      /protocol 1001 .* 1002/,
    ],
    [
      'a big-endian machine',
      () =>
        bytesOf(
          pickle(long(0x1950a86a20f9469cfc6cn)),
          pickle(integer(1001)),
          pickle(dict({ little_endian: NONE })),
        ),
      /little-endian numbers/,
    ],
    [
      'a storage length of 2⁶³',
      (file) => patch(file, file.length - 32, int64(-(2n ** 63n))),
      /6 elements for storage '0'/,
    ],
    [
      'another storage length',
      (file) => patch(file, file.length - 32, int64(7n)),
      /6 elements for storage '0' .* 7/,
    ],
    ['a storage past the end', (file) => file.subarray(0, -1), /24 bytes at byte \d+ for storage '0'/],
    ['a storage that is not there', () => legacyFile(value, {}), /storage '0' for w but found none/],
    [
      'a storage of nobody',
      () => legacyFile(value, { ...SIX_FLOATS, 9: floats(1) }),
      /the key of each storage once .* '9'/,
    ],
  ])('refuses %s', async (_, change, message) => {
    await expect(open(change(legacyFile(value)))).rejects.toThrow(message);
  });
});

describe('zip', () => {
  const data = { name: 'archive/data.pkl', bytes: pickle(dict({ w: tensor() })) };
  const storage = { name: 'archive/data/0', bytes: floats(1, 2, 3, 4, 5, 6) };

  test.each<[string, Parameters<typeof zipArchive>[0], RegExp]>([
    ['no pickle', [storage], /one entry NAME\/data\.pkl/],
    [
      'two archives in one',
      [data, { ...data, name: 'other/data.pkl' }],
      /archive\/data\.pkl and other\/data\.pkl/,
    ],
    ['two entries of one name', [data, storage, storage], /one entry of that name for .*archive\/data\/0/],
    ['a missing storage', [data], /storage '0' for w but found none in the file/],
    [
      'a storage that is too short',
      [data, { ...storage, bytes: floats(1) }],
      /24 bytes of storage '0' for w .* 4/,
    ],
    ['a storage past the end', [data, { ...storage, claimedSize: 4000 }], /file data overflows file bounds/],
    ['a header past the end', [data, { ...storage, claimedOffset: 1 << 30 }], /point to byte 1073741824 of/],
    ['a header elsewhere', [data, { ...storage, claimedOffset: 1 }], /invalid local file header signature/],
    [
      'a name that leaves the archive',
      [data, { ...storage, name: '../../etc/passwd' }],
      /invalid relative path/,
    ],
    ['an absolute name', [data, { ...storage, name: '/etc/passwd' }], /absolute path/],
    ['a name with backslashes', [data, { ...storage, name: 'archive\\data\\0' }], /invalid characters/],
    [
      'a zip bomb: 64 MB of zeros in 64 kB',
      [{ ...data, bytes: new Uint8Array(64 << 20), deflated: true }],
      /a stored entry, as torch\.save writes it, .* compressed/,
    ],
    [
      'a pickle of a gigabyte',
      [{ ...data, bytes: new Uint8Array(20), claimedSize: 2 ** 30 }],
      /at most 16777216 bytes for archive\/data\.pkl but found 1073741824/,
    ],
    ['a TorchScript archive', [data, storage, { ...storage, name: 'archive/constants.pkl' }], /TorchScript/],
    [
      'a big-endian file',
      [data, storage, { name: 'archive/byteorder', bytes: bytesOf('big') }],
      /little-endian numbers .* 'big'/,
    ],
  ])('refuses %s', async (_, entries, message) => {
    await expect(open(zipArchive(entries))).rejects.toMatchObject({
      name: 'InputError',
      code: 'invalid_weights',
      message: expect.stringMatching(message),
    });
  });

  test('zip64 records that point anywhere', async () => {
    const zip = zipArchive([data, storage]);
    for (const position of [2n ** 63n - 1n, -1n, 2n ** 53n, BigInt(zip.length)]) {
      const locator = bytesOf('PK\x06\x07', new Uint8Array(4), int64(position), new Uint8Array(4));
      const file = bytesOf(zip.subarray(0, -22), locator, zip.subarray(-22));
      await expect(open(file)).rejects.toMatchObject({ name: 'InputError', code: 'invalid_weights' });
    }
  });

  test('more than 65,536 entries', async () => {
    const zip = zipArchive([data, storage]);
    const record = bytesOf(
      'PK\x06\x06',
      int64(44n),
      new Uint8Array(20),
      int64(2n ** 40n),
      int64(0n),
      int64(0n),
    );
    const locator = bytesOf(
      'PK\x06\x07',
      new Uint8Array(4),
      int64(BigInt(zip.length - 22)),
      new Uint8Array(4),
    );
    const file = bytesOf(zip.subarray(0, -22), record, locator, zip.subarray(-22));
    await expect(open(file)).rejects.toThrow(/at most 65536 entries .* 1099511627776/);
  });

  test('PyTorch aligns its storages to 64 bytes', async () => {
    const weights = await open(goldenBytes('vgg11_bn.pth'));
    expect(weights.tensors.get('features.0.weight')).toEqual({
      name: 'features.0.weight',
      shape: [2, 3, 3, 3],
      dtype: 'float32',
    });
  });
});

function patch(file: Uint8Array, position: number, bytes: Uint8Array): Uint8Array {
  const patched = file.slice();
  patched.set(bytes, position);
  return patched;
}
