import { describe, expect, test } from 'vitest';
import type { Manifest } from '../../core/manifest.ts';
import { classify, matchClasses } from '../../eval/classification.ts';
import { testManifest } from './manifest.ts';

describe('which class a name means', () => {
  const manifest: Manifest = {
    ...testManifest(['tench, Tinca tinca', 'crane', 'crane', 'Egyptian cat']),
    classes: ['n01440764', 'n02012849', 'n03126707', 'n02124075'].map((id) => ({
      id,
      trainedWith: 'labels',
    })),
  };
  test.each([
    ['a WordNet id', 'n02012849', 1],
    ['the whole label', 'tench, Tinca tinca', 0],
    ['a synonym', 'Tinca tinca', 0],
    ['a folder name: case and lines are no matter', 'egyptian_cat', 3],
  ])('%s', (_what, name, number) => {
    expect(matchClasses([name], manifest)).toEqual({ numbers: new Map([[name, number]]), unmatched: [] });
  });
  test.each([
    ['a name of no class', 'tulip'],
    ['a name of two', 'crane'],
    ['a part of a word', 'cat'],
  ])('%s is not matched', (_what, name) => {
    expect(matchClasses([name], manifest)).toEqual({ numbers: new Map(), unmatched: [name] });
  });
});

describe('figures', () => {
  const manifest: Manifest = {
    ...testManifest(['a', 'b', 'c']),
    classes: [
      { id: '1', trainedWith: 'labels' },
      { id: '2', trainedWith: 'labels' },
      { id: '3', trainedWith: 'teacher' },
    ],
  };

  test('top-1 and top-5, of classes trained with labels and of others, and what is confused', () => {
    // Right; c before a, but right among the labelled; b for a; c right.
    const scores = Float32Array.of(3, 2, 1, 2, 1, 3, 1, 3, 2, 0, 0, 1);
    expect(classify(scores, Int32Array.of(0, 0, 0, 2), manifest)).toEqual({
      photos: 4,
      top1: 0.5,
      top5: 1,
      ofLabelled: { photos: 3, top1: 1 / 3, top5: 1, top1AmongLabelled: 2 / 3 },
      ofOthers: { photos: 1, top1: 1, top5: 1 },
      worstConfusions: [
        { is: 'a', takenFor: 'c', photos: 1 },
        { is: 'a', takenFor: 'b', photos: 1 },
      ],
    });
  });

  test('equal scores are no hit: the photograph is taken for another class', () => {
    const figures = classify(Float32Array.of(1, 1, 0), Int32Array.of(0), manifest);
    expect(figures.top1).toBe(0);
    expect(figures.worstConfusions).toEqual([{ is: 'a', takenFor: 'b', photos: 1 }]);
  });

  test('without classes in the manifest every class counts as labelled', () => {
    const figures = classify(Float32Array.of(1, 2, 3), Int32Array.of(2), testManifest(['a', 'b', 'c']));
    expect(figures.ofLabelled).toEqual({ photos: 1, top1: 1, top5: 1, top1AmongLabelled: 1 });
    expect(figures.ofOthers).toEqual({ photos: 0, top1: null, top5: null });
  });
});
