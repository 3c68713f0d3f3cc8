// vgg-edge build on the command line: what it refuses, before anything is fetched.

import { expect, test, vi } from 'vitest';
import { main } from '../../cli/main.ts';

test.each<[option: string, value: string, code: number, message: RegExp]>([
  ['precision', 'fp16,fp8', 2, /fp16, fp32 or fp16,fp32 for --precision but found 'fp16,fp8'/],
  ['descriptor', 'fc6-gem', 2, /for --descriptor but found 'fc6-gem'/],
  ['labels', 'nowhere.txt', 1, /a file of labels at nowhere\.txt/],
  ['name', 'Mine!', 2, /for --name but found 'Mine!'/],
  ['memory', 'much', 2, /a size as 128MB/],
  ['holdout', '1', 2, /from 2 to 1000 for --holdout/],
])('--%s %s', async (option, value, code, message) => {
  const complained = vi.spyOn(console, 'error').mockImplementation(() => undefined);
  const fetched = vi
    .spyOn(globalThis, 'fetch')
    .mockRejectedValue(new Error('Expected nothing to be fetched.'));
  const weights = ['build', '--weights', 'torchvision:vgg11_bn', '--out', 'not-written'];
  expect(await main([...weights, `--${option}`, value])).toBe(code);
  expect(complained.mock.calls.join('\n')).toMatch(message);
  expect(fetched).not.toHaveBeenCalled();
  vi.restoreAllMocks();
});
