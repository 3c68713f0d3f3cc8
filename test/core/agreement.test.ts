// agreement.json: what is kept when an engine is measured again, and what is refused.

import { describe, expect, test } from 'vitest';
import { type AgreementMeasurement, parseAgreement, withMeasurement } from '../../core/agreement.ts';

const measured = (runner: string, top1Agreement: number): AgreementMeasurement => ({
  runner,
  machine: 'a processor, 2 cores, linux x64',
  photographs: 184,
  photographsSha256: '0'.repeat(64),
  top1Agreement,
  vectors: [
    {
      descriptor: 'features gem',
      cosine: { mean: 0.999, percentile1: 0.99, min: 0.98 },
      overlapAt10: 0.98,
      recallAt10: 0.97,
    },
  ],
});

const first = withMeasurement(undefined, 'default@1', measured('webgpu:fp16', 0.9));

test('a record reads back as it was written', () => {
  expect(parseAgreement(JSON.stringify(first))).toEqual(first);
});

describe('one more measurement', () => {
  test('of another engine stands beside', () => {
    const both = withMeasurement(first, 'default@1', measured('cuda:fp16', 0.8));
    expect(both.measurements.map(({ runner }) => runner)).toEqual(['webgpu:fp16', 'cuda:fp16']);
  });

  test('of the same engine takes the place of the old', () => {
    const again = withMeasurement(first, 'default@1', measured('webgpu:fp16', 0.8));
    expect(again.measurements).toEqual([measured('webgpu:fp16', 0.8)]);
  });

  test('of a model built again keeps nothing of the old model', () => {
    const rebuilt = withMeasurement(first, 'default@2', measured('cuda:fp16', 0.8));
    expect(rebuilt).toMatchObject({ model: 'default@2', measurements: [{ runner: 'cuda:fp16' }] });
    expect(rebuilt.measurements).toHaveLength(1);
  });
});

test.each([
  ['no JSON', '{', 'is not JSON'],
  ['another format', JSON.stringify({ ...first, format: 'x' }), "at 'format'"],
  ['a later version', JSON.stringify({ ...first, formatVersion: 2 }), "at 'formatVersion'"],
  [
    'a share above 1',
    JSON.stringify({ ...first, measurements: [measured('cuda:fp16', 1.1)] }),
    "at 'measurements.0.top1Agreement'",
  ],
])('%s is refused, with what to do', (_, json, where) => {
  expect(() => parseAgreement(json)).toThrow(
    expect.objectContaining({ name: 'ModelError', message: expect.stringContaining(where) }),
  );
  expect(() => parseAgreement(json)).toThrow('Measure the agreement again.');
});
