import { describe, expect, test } from 'vitest';
import { ModelError } from '../../core/errors.ts';
import { configurationOf, largestLevel, type Manifest, modelId, shardFileName } from '../../core/manifest.ts';
import { parseManifest } from '../../core/parse-manifest.ts';

const HASH = 'a'.repeat(64);

/** The smallest directory the schema allows: one convolution, a classifier in one piece. */
function smallManifest(): Manifest {
  const activation = { scale: 0.5, zeroPoint: 0 };
  const linear = (name: string, outputs: number, inputs: number) => {
    const input = { ...activation, lowest: 0, highest: 255 };
    return { name, inputs, outputs, bias: true, relu: name !== 'fc8', input, weights: [`${name}.weight`] };
  };
  return {
    format: 'vgg-edge-model',
    formatVersion: 1,
    name: 'small',
    trained: false,
    network: {
      name: 'custom',
      items: [8, 'M'],
      batchNorm: false,
      hiddenDim: 16,
      outputDim: 2,
      ranks: { fc6: null, fc7: null },
    },
    preprocess: {
      name: 'torchvision-256-224@1',
      resize: 256,
      crop: 224,
      mean: [0.485, 0.456, 0.406],
      deviation: [0.229, 0.224, 0.225],
    },
    taps: [{ name: 'features', shape: [8, 7, 7] }],
    labels: ['cat', 'dog'],
    convolutions: [
      {
        name: 'conv1',
        inputChannels: 3,
        outputChannels: 8,
        size: 224,
        pools: 1,
        input: { scale: 0.02, zeroPoint: 114 },
        output: activation,
      },
    ],
    linears: [linear('fc6', 16, 392), linear('fc7', 16, 16), linear('fc8', 2, 16)],
    tensors: {
      'conv1.weight': { dtype: 'int8', shape: [8, 3, 3, 3], shard: 0, offset: 0, bytes: 216 },
      'conv1.scale': { dtype: 'float32', shape: [8], shard: 0, offset: 256, bytes: 32 },
      'conv1.bias': { dtype: 'int32', shape: [8], shard: 0, offset: 320, bytes: 32 },
      'fc6.weight': { dtype: 'int8', shape: [16, 392], shard: 1, offset: 0, bytes: 6272 },
      'fc6.scale': { dtype: 'float32', shape: [16], shard: 1, offset: 6272, bytes: 64 },
      'fc6.bias': { dtype: 'float32', shape: [16], shard: 1, offset: 6336, bytes: 64 },
      'fc7.weight': { dtype: 'int8', shape: [16, 16], shard: 1, offset: 6400, bytes: 256 },
      'fc7.scale': { dtype: 'float32', shape: [16], shard: 1, offset: 6656, bytes: 64 },
      'fc7.bias': { dtype: 'float32', shape: [16], shard: 1, offset: 6720, bytes: 64 },
      'fc8.weight': { dtype: 'int8', shape: [2, 16], shard: 1, offset: 6784, bytes: 32 },
      'fc8.scale': { dtype: 'float32', shape: [2], shard: 1, offset: 6848, bytes: 8 },
      'fc8.bias': { dtype: 'float32', shape: [2], shard: 1, offset: 6912, bytes: 8 },
    },
    graphs: [],
    shards: [
      { file: 'weights-00001-of-00002.bin', part: 'backbone', bytes: 352, sha256: HASH },
      { file: 'weights-00002-of-00002.bin', part: 'head', bytes: 6920, sha256: HASH },
    ],
    floatGraphs: [],
    calibration: {},
    fidelity: {},
    provenance: {},
    licence: 'none',
  };
}

test('a valid manifest comes back as it is', () => {
  const manifest = smallManifest();
  expect(parseManifest(JSON.stringify(manifest))).toEqual(manifest);
  expect(configurationOf(manifest)).toMatchObject({ name: 'custom', items: [8, 'M'], outputDim: 2 });
});

describe('what an engine would trip over is refused by place', () => {
  const small = smallManifest();
  const [conv1, [fc6, fc7, fc8]] = [small.convolutions[0], small.linears];
  const without = (name: string) =>
    Object.fromEntries(Object.entries(small.tensors).filter(([tensor]) => tensor !== name));
  const withTensor = (name: string, change: object) => ({
    ...small.tensors,
    [name]: { ...small.tensors[name], ...change },
  });
  const weight = { dtype: 'int8', shape: [8, 3, 3, 3], shard: 0, offset: 0, bytes: 216 } as const;
  const shard = { file: 'weights-00001-of-00001.bin', part: 'backbone', bytes: 256, sha256: HASH } as const;
  const broken: readonly [what: string, change: object, message: RegExp][] = [
    ['another format', { format: 'zip' }, /at 'format'/],
    ['a newer version', { formatVersion: 99 }, /at 'formatVersion'/],
    ['an unknown field', { surprise: 1 }, /surprise/],
    ['a name with a path', { name: '../x' }, /at 'name'/],
    [
      'a shard that leaves the folder',
      { shards: [{ ...shard, file: '../../etc/passwd' }] },
      /at 'shards\.0\.file'/,
    ],
    ['a shard too large for an asset', { shards: [{ ...shard, bytes: 2 ** 30 }] }, /at 'shards\.0\.bytes'/],
    ['a hash that is none', { shards: [{ ...shard, sha256: 'abc' }] }, /at 'shards\.0\.sha256'/],
    [
      'too few bytes for the shape',
      { tensors: { w: { ...weight, bytes: 215 } } },
      /Expected 216 bytes for tensor w but found 215/,
    ],
    ['a tensor past the end', { tensors: { w: { ...weight, offset: 256 } } }, /ends at byte 472/],
    [
      'weights that do not make the layer',
      { linears: smallManifest().linears.map((linear) => ({ ...linear, weights: ['fc7.weight'] })) },
      /Expected weights \[16, 392\] for fc6 but found \[16, 16\]/,
    ],
    [
      'levels that no kernel takes',
      {
        linears: [
          { ...fc6, input: { scale: 0.5, zeroPoint: 1, lowest: -32_639, highest: 32_639 } },
          fc7,
          fc8,
        ],
      },
      /Expected levels 0…255, or −h…h around 0 with h ≤ 32639, for fc6 but found -32639…32639 around 1/,
    ],
    ['a shard that is not there', { tensors: { w: { ...weight, shard: 7 } } }, /inside shard 7/],
    ['an offset of 2^63', { tensors: { w: { ...weight, offset: 2 ** 63 } } }, /at 'tensors\.w\.offset'/],
    [
      'a scale of zero',
      { preprocess: { ...smallManifest().preprocess, deviation: [0, 1, 1] } },
      /deviation\.0/,
    ],
    ['labels that do not fit the classes', { labels: ['cat'] }, /Expected 2 labels but found 1/],
    [
      'classes that do not fit the labels',
      { classes: [{ id: 'n02123045', trainedWith: 'labels' }] },
      /Expected 2 classes but found 1/,
    ],
    ['no convolution', { convolutions: [] }, /at 'convolutions'/],
    ['a convolution too many', { convolutions: [conv1, conv1] }, /Expected 1 convolutions but found 2/],
    [
      'another size',
      { convolutions: [{ ...conv1, size: 9999 }] },
      /Expected size 224 for convolution 1 but found 9999/,
    ],
    [
      'fewer channels than the network has',
      { convolutions: [{ ...conv1, outputChannels: 3 }] },
      /Expected outputChannels 8 for convolution 1 but found 3/,
    ],
    [
      'a zero point after the ReLU',
      { convolutions: [{ ...conv1, output: { scale: 0.5, zeroPoint: 3 } }] },
      /Expected zero point 0 after the ReLU for conv1/,
    ],
    [
      'layers in another order',
      { linears: [fc8, fc7, fc6] },
      /Expected name fc6 for linear layer 1 but found fc8/,
    ],
    [
      'another width than the layers',
      { network: { ...small.network, hiddenDim: 17 } },
      /Expected outputs 17 for linear layer 1 but found 16/,
    ],
    [
      'more pools than the input has room for',
      { network: { ...small.network, items: [8, ...Array(9).fill('M')] } },
      /at 'preprocess.crop': Expected an input of at least 512 pixels/,
    ],
    [
      'a map of another shape',
      { taps: [{ name: 'features', shape: [5] }] },
      /Expected the shape \[8, 7, 7\] for tap features but found \[5\]/,
    ],
    ['a tap twice', { taps: [small.taps[0], small.taps[0]] }, /Expected tap features once/],
    [
      'a tensor that is missing',
      { tensors: without('conv1.bias') },
      /int32 \[8\] for tensor conv1\.bias but found none/,
    ],
    [
      'scales that are missing',
      { tensors: without('fc7.scale') },
      /float32 \[16\] for tensor fc7\.scale but found none/,
    ],
    [
      'a tensor of another type',
      { tensors: withTensor('fc6.weight', { dtype: 'uint8' }) },
      /Expected int8 \[16, 392\] for tensor fc6\.weight but found uint8/,
    ],
    [
      'a crop larger than the resized image',
      { preprocess: { ...small.preprocess, crop: 300 } },
      /Expected a crop of at most 256, the short side, but found 300/,
    ],
    ['pooling of what is no map', { defaultDescriptor: { layer: 'fc6', pool: 'avg' } }, /defaultDescriptor/],
  ];
  test.each(broken)('%s', (_what, change, message) => {
    const read = () => parseManifest(JSON.stringify({ ...smallManifest(), ...change }));
    expect(read).toThrow(message);
    expect(read).toThrow(ModelError);
  });

  test.each(['', '{', 'null', '[]', '"x"'])('%j instead of a manifest', (json) => {
    expect(() => parseManifest(json)).toThrow(ModelError);
  });
});

test('classes say what they were trained with, and the descriptor of search is named', () => {
  const manifest: Manifest = {
    ...smallManifest(),
    classes: [
      { id: 'n02123045', trainedWith: 'labels' },
      { id: 'n02084071', trainedWith: 'teacher' },
    ],
    defaultDescriptor: { layer: 'features', pool: 'avg' },
  };
  expect(parseManifest(JSON.stringify(manifest))).toEqual(manifest);
});

test.each([
  [25_088, 674],
  [392, 32_639],
])('a product of %d inputs stays in int32 up to level %d', (inputs, level) => {
  expect(largestLevel(inputs)).toBe(level);
});

test('the id is the name and the first twelve digits of the hash', () => {
  expect(modelId('default', `0123456789abcdef${'0'.repeat(48)}`)).toBe('default@0123456789ab');
});

test('shards are counted from one', () => {
  expect(shardFileName(1, 2)).toBe('weights-00001-of-00002.bin');
});
