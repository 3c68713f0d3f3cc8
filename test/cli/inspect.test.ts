// `vgg-edge inspect` from the command line: a network, a weight file, a model directory, and what is none.

import { join } from 'node:path';
import { afterEach, beforeEach, expect, test, vi } from 'vitest';
import { main } from '../../cli/main.ts';

const ROOT = join(import.meta.dirname, '../..');
const WEIGHTS = join(ROOT, 'test/golden/weights');

const printed: string[] = [];
beforeEach(() => {
  printed.length = 0;
  for (const method of ['log', 'error'] as const) {
    vi.spyOn(console, method).mockImplementation((text) => {
      printed.push(String(text));
    });
  }
});
afterEach(() => vi.restoreAllMocks());

const shown: readonly [what: string, args: readonly string[], lines: readonly RegExp[]][] = [
  [
    'a network by name, as model summaries print it',
    ['vgg11_bn', '--classes', '2'],
    [
      /^Conv2d-1 +\[-1, 64, 224, 224\] +1,792 +86,704,128$/m,
      /^Linear-37 +\[-1, 2\] +8,194 +8,192$/m,
      /^vgg11_bn, batch norm, 2 classes$/m,
      /^Total params: 128,780,034$/m,
    ],
  ],
  [
    'a network at another input size',
    ['vgg16', '--input-size', '64'],
    [/^Conv2d-1 +\[-1, 64, 64, 64\]/m, /^Total params: 138,357,544$/m],
  ],
  [
    'a weight file: family, batch norm and classes recognised',
    [join(WEIGHTS, 'vgg13_bn.pth')],
    [/batch norm, 5 classes/, /torch-zip, \d+ tensors of float16/],
  ],
  [
    'a model directory with its certificate',
    [join(ROOT, 'test/golden/models/tiny')],
    [/^Model tiny@[0-9a-f]{12} \(untrained/m, /^backbone\.onnx +backbone/m, /^features +0\.\d+/m],
  ],
];

test.each(shown)('%s', async (_what, args, lines) => {
  expect(await main(['inspect', ...args])).toBe(0);
  for (const line of lines) expect(printed.join('\n')).toMatch(line);
});

const refused: readonly [what: string, args: readonly string[], code: number, message: RegExp][] = [
  ['nothing', [], 2, /Expected a network, a file or a directory/],
  ['an unknown network', ['vgg12'], 1, /Expected one of vgg11, .* but found 'vgg12'/],
  ['a file of another kind', [join(ROOT, 'package.json')], 1, /Expected PyTorch's .*package\.json/],
  ['a folder without a model', [join(ROOT, 'docs')], 3, /model\.json/],
  ['classes for a file', [join(WEIGHTS, 'vgg11_bn.pth'), '--classes', '2'], 2, /--classes is for a network/],
  ['a size that pools use up', ['vgg11', '--input-size', '31'], 1, /at least 32 pixels/],
  ['a size that is no number', ['vgg11', '--input-size', 'big'], 2, /whole number .* --input-size/],
];

test.each(refused)('%s is refused', async (_what, args, code, message) => {
  expect(await main(['inspect', ...args])).toBe(code);
  expect(printed.join('\n')).toMatch(message);
});
