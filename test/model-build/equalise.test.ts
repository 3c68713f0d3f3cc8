import { expect, test } from 'vitest';
import { TAPS } from '../../core/taps.ts';
import { activationNames } from '../../model-build/activations.ts';
import { equalise } from '../../model-build/equalise.ts';
import { withRunner } from '../../model-build/float-runner.ts';
import { survey } from '../../model-build/survey.ts';
import { syntheticImages } from '../../model-build/synthetic-images.ts';
import { smallNetwork } from './networks.ts';

const IMAGES = syntheticImages(4, 56, 1);

const peaksOf = (network: ReturnType<typeof smallNetwork>) =>
  withRunner(network, { expose: true }, (runner) => survey(runner, network, IMAGES, () => {}));

test('equalised channels have like peaks, and every tap is what it was', async () => {
  const network = smallNetwork();
  const [first] = network.convolutions;
  if (first === undefined) throw new Error('no convolution');
  // One loud channel, as trained networks have them.
  first.weight.subarray(0, 27).forEach((value, index) => {
    first.weight[index] = 40 * value;
  });
  const { peaks } = await peaksOf(network);
  const equalised = equalise(network, peaks);
  const [after] = (await peaksOf(equalised)).peaks;
  const heard = [...(after ?? [])].filter((peak) => peak > 0);
  expect(Math.max(...heard) / Math.min(...heard)).toBeCloseTo(1, 3);
  expect(equalised.convolutions.at(-1)?.bias).toEqual(network.convolutions.at(-1)?.bias);

  const names = [...activationNames(network).convolutions.slice(-1), ...TAPS];
  const run = (which: typeof network) =>
    withRunner(which, { expose: true }, (runner) => runner.run(IMAGES, names));
  const [expected, found] = [await run(network), await run(equalised)];
  for (const name of names) {
    const values = expected.get(name) ?? new Float32Array();
    const largest = values.reduce((most, value) => Math.max(most, Math.abs(value)), 0);
    found.get(name)?.forEach((value, index) => {
      expect(Math.abs(value - (values[index] ?? Number.NaN))).toBeLessThan(1e-5 * largest);
    });
  }
});

test('a layer that is mostly silent is left alone', () => {
  const network = smallNetwork();
  const silent = network.convolutions.slice(0, -1).map(({ shape }) => new Float32Array(shape.outputChannels));
  expect(equalise(network, silent).convolutions).toEqual(network.convolutions);
});
