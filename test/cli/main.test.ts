// What is mistyped on the command line: what is wrong, what was probably meant, and where to read on.

import { expect, test } from 'vitest';
import { didYouMean } from '../../cli/did-you-mean.ts';
import { main } from '../../cli/main.ts';
import packageJson from '../../package.json' with { type: 'json' };
import { captureConsole } from './captured-console.ts';

const { printed, complained } = captureConsole();

test.each<[string[], RegExp]>([
  [['embd'], /but found 'embd'\. Did you mean embed\?\nSee vgg-edge --help\.$/],
  [['help', 'nonsense'], /but found 'nonsense'\.\nSee/],
  [['embed'], /^Expected a source but found none\.\nSee vgg-edge embed --help\.$/],
  [['embed', 'a.jpg', 'b.jpg'], /but found 2: 'a\.jpg', 'b\.jpg'\. A pattern goes into quotes/],
  [['embed', 'photos', '--layr', 'fc6'], /'--layr'\. Did you mean --layer\?\nSee vgg-edge embed --help\.$/],
  [['embed', 'photos', '--shardsize', '5'], /'--shardsize'\. Did you mean --shard-size\?/],
  [['embed', 'photos', '-o', 'vectors'], /Expected an option of vgg-edge embed but found '-o'\.\n/],
  [['embed', 'photos', '--out'], /--out/],
  [['reindex', 'photos', 'photos'], /^Expected one argument, an alias, but found 2/],
  [['runner'], /^Expected a value for --queue/],
])('%j', async (args, complaint) => {
  expect(await main(args)).toBe(2);
  expect(complained.join('\n')).toMatch(complaint);
});

test.each<[string[], RegExp]>([
  [[], /^vgg-edge COMMAND/],
  [['help', 'embed'], /^vgg-edge embed SOURCE/],
  [['embed', 'photos', '--help'], /^vgg-edge embed SOURCE/],
  [['--version'], new RegExp(`^${packageJson.version}$`)],
])('%j prints', async (args, text) => {
  expect(await main(args)).toBe(0);
  expect(printed.join('\n')).toMatch(text);
});

test.each<[string, string]>([
  ['modle', ' Did you mean model?'],
  ['out', ' Did you mean out?'],
  ['dimension', ' Did you mean dimensions?'],
  ['o', ''],
  ['', ''],
  ['pixels', ''],
])("'%s':%s", (typed, meant) => {
  expect(didYouMean(typed, ['model', 'out', 'dimensions', 'pool'])).toBe(meant);
});
