// How often the scores name the right class.

import type { Manifest } from '../core/manifest.ts';

export interface Confusion {
  /** The photographs' class and what they were taken for, as the model labels them. */
  readonly is: string;
  readonly takenFor: string;
  readonly photos: number;
}

/** Shares 0…1; null where there is no photograph to count. */
export interface ClassificationFigures {
  readonly photos: number;
  readonly top1: number | null;
  readonly top5: number | null;
  /** Of photographs of the classes trained with labels: among all classes, and answering from those alone. */
  readonly ofLabelled: {
    photos: number;
    top1: number | null;
    top5: number | null;
    top1AmongLabelled: number | null;
  };
  /** Of photographs of the classes that a teacher alone taught. */
  readonly ofOthers: { photos: number; top1: number | null; top5: number | null };
  /** The most frequent, at most 10. */
  readonly worstConfusions: readonly Confusion[];
}

const WORST = 10;

/** `scores` [photographs, classes] row-major; `classes`: the right one of each photograph. */
export function classify(
  scores: Float32Array,
  classes: Int32Array,
  manifest: Manifest,
): ClassificationFigures {
  const { labels, network } = manifest;
  const width = network.outputDim;
  const labelled = labels.map((_, index) => manifest.classes?.[index]?.trainedWith !== 'teacher');
  const all = { photos: 0, top1: 0, top5: 0 };
  const ofLabelled = { photos: 0, top1: 0, top5: 0, among: 0 };
  const confusions = new Map<string, Confusion>();
  classes.forEach((right, photo) => {
    const row = scores.subarray(photo * width, (photo + 1) * width);
    const rank = rankOf(row, right, () => true);
    const counts = labelled[right] === true ? [all, ofLabelled] : [all];
    for (const count of counts) {
      count.photos += 1;
      count.top1 += rank === 1 ? 1 : 0;
      count.top5 += rank <= 5 ? 1 : 0;
    }
    if (labelled[right] === true) {
      ofLabelled.among += rankOf(row, right, (index) => labelled[index] === true) === 1 ? 1 : 0;
    }
    if (rank !== 1) {
      const guess = largestBut(row, right);
      const key = `${right} ${guess}`;
      const photos = (confusions.get(key)?.photos ?? 0) + 1;
      confusions.set(key, { is: labels[right] ?? '', takenFor: labels[guess] ?? '', photos });
    }
  });
  const others = all.photos - ofLabelled.photos;
  return {
    photos: all.photos,
    top1: share(all.top1, all.photos),
    top5: share(all.top5, all.photos),
    ofLabelled: {
      photos: ofLabelled.photos,
      top1: share(ofLabelled.top1, ofLabelled.photos),
      top5: share(ofLabelled.top5, ofLabelled.photos),
      top1AmongLabelled: share(ofLabelled.among, ofLabelled.photos),
    },
    ofOthers: {
      photos: others,
      top1: share(all.top1 - ofLabelled.top1, others),
      top5: share(all.top5 - ofLabelled.top5, others),
    },
    worstConfusions: [...confusions.values()].toSorted((a, b) => b.photos - a.photos).slice(0, WORST),
  };
}

/** 1 + how many of the other classes score at least as high: a tie is no hit. */
function rankOf(scores: Float32Array, right: number, counts: (index: number) => boolean): number {
  const own = scores[right] ?? Number.NaN;
  let rank = 1;
  scores.forEach((score, index) => {
    if (index !== right && counts(index) && !(score < own)) rank += 1;
  });
  return rank;
}

/** Where the largest of the other scores stands. */
function largestBut(scores: Float32Array, right: number): number {
  const others = scores.map((score, index) => (index === right ? Number.NEGATIVE_INFINITY : score));
  return others.indexOf(others.reduce((largest, score) => Math.max(largest, score)));
}

function share(count: number, of: number): number | null {
  return of === 0 ? null : count / of;
}

export interface ClassMatch {
  /** The position among the model's labels of each class name that has one. */
  readonly numbers: ReadonlyMap<string, number>;
  /** Names that no label of the model answers to, or more than one. */
  readonly unmatched: readonly string[];
}

/** Class names → the model's classes: by WordNet id, by the whole label, or by one of its synonyms. */
export function matchClasses(names: Iterable<string>, { labels, classes }: Manifest): ClassMatch {
  const numbers = new Map<string, number>();
  const unmatched: string[] = [];
  for (const name of names) {
    const wanted = plain(name);
    const candidates = [
      labels.flatMap((_, index) => (classes?.[index]?.id === name ? [index] : [])),
      labels.flatMap((label, index) => (plain(label) === wanted ? [index] : [])),
      labels.flatMap((label, index) =>
        label.split(',').some((word) => plain(word) === wanted) ? [index] : [],
      ),
    ];
    const [only, ...more] = candidates.find((found) => found.length > 0) ?? [];
    if (only === undefined || more.length > 0) unmatched.push(name);
    else numbers.set(name, only);
  }
  return { numbers, unmatched };
}

function plain(name: string): string {
  return name
    .trim()
    .toLowerCase()
    .replaceAll(/[\s_-]+/g, ' ');
}
