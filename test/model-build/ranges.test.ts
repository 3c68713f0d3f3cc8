import { describe, expect, test } from 'vitest';
import { Histogram } from '../../model-build/histogram.ts';
import { TORCHVISION_INPUT } from '../../model-build/network.ts';
import { byteLevels, chooseRange, pixelLevels, RANGE_METHODS, wideLevels } from '../../model-build/ranges.ts';

function histogram(values: readonly number[]): Histogram {
  const made = new Histogram();
  made.add(Float32Array.from(values));
  return made;
}

describe('a histogram', () => {
  test('counts the same in one piece or merged from several, whatever their ranges', () => {
    const small = Array.from({ length: 500 }, (_, index) => Math.sin(index + 1) / 100);
    const large = Array.from({ length: 500 }, (_, index) => 40 * Math.cos(index));
    const whole = histogram([...small, ...large]);
    const merged = histogram(small);
    merged.merge(histogram(large));
    expect(merged.binWidth).toBe(whole.binWidth);
    expect([merged.min, merged.max, merged.total]).toEqual([whole.min, whole.max, 1000]);
    const counts = (bins: Float64Array) => bins.reduce((sum, count) => sum + count, 0);
    expect(counts(merged.positive) + counts(merged.negative)).toBe(1000);
  });

  test('zeros count to the total and fill no bin', () => {
    const zeros = histogram([0, 0, 0]);
    expect([zeros.total, zeros.min, zeros.max]).toEqual([3, 0, 0]);
    expect(zeros.positive.every((count) => count === 0)).toBe(true);
  });
});

describe('ranges', () => {
  const usual = Array.from({ length: 9999 }, (_, index) => index / 9999);
  const all = histogram([...usual, 100]);
  const images = [histogram(usual.slice(0, 5000)), histogram([...usual.slice(5000), 100])];

  test('min-max keeps the outlier, the percentile and the relative error let it go', () => {
    expect(chooseRange({ all, images }, 'min-max')).toEqual({ low: 0, high: 100 });
    expect(chooseRange({ all, images }, 'percentile-99.9').high).toBeCloseTo(1, 1);
    const ordinary = Array.from({ length: 20 }, () => histogram(usual));
    const freak = histogram([...usual, 1000]);
    const together = new Histogram();
    for (const image of [...ordinary, freak]) together.merge(image);
    const { high } = chooseRange({ all: together, images: [...ordinary, freak] }, 'relative-mse');
    expect(high).toBeGreaterThan(0.9);
    expect(high).toBeLessThan(1.2);
  });

  test.each(RANGE_METHODS)('%s of an activation that is always 0', (method) => {
    const zeros = histogram([0, 0]);
    const { low, high } = chooseRange({ all: zeros, images: [zeros] }, method);
    expect([Math.abs(low), high]).toEqual([0, 0]);
  });
});

describe('levels', () => {
  test('a range from zero has zero point 0 and reaches its end at 255', () => {
    const { scale, ...others } = byteLevels({ low: 0, high: 51 });
    expect(others).toEqual({ zeroPoint: 0, lowest: 0, highest: 255 });
    expect(scale * 255).toBeCloseTo(51, 5);
  });

  test('a range around zero holds zero exactly', () => {
    const { scale, zeroPoint } = byteLevels({ low: -1, high: 3 });
    expect(zeroPoint).toBe(64);
    expect(scale * (255 - zeroPoint)).toBeCloseTo(3, 1);
  });

  test('an activation that is always 0 has a scale nonetheless', () => {
    expect(byteLevels({ low: 0, high: 0 })).toEqual({ scale: 1, zeroPoint: 0, lowest: 0, highest: 255 });
    expect(wideLevels({ low: 0, high: 0 }, 256)).toMatchObject({ scale: 1, zeroPoint: 0 });
  });

  test.each([
    [256, 32_639],
    [1024, 16_513],
    [4096, 4_128],
  ])('with %i inputs, wide levels reach ±%i, and products stay in int32', (inputs, highest) => {
    expect(wideLevels({ low: -2, high: 1 }, inputs)).toMatchObject({ lowest: -highest, highest });
    expect(inputs * 127 * highest).toBeLessThan(2 ** 31);
  });

  test("pixels: ImageNet's mean and deviation", () => {
    const { scale, zeroPoint } = pixelLevels(TORCHVISION_INPUT);
    expect(zeroPoint).toBe(114);
    expect(scale).toBe(Math.fround((0.485 / 0.229 + (1 - 0.406) / 0.225) / 255));
  });
});
