import { expect, test } from 'vitest';
import { labelledClasses } from '../../worker/labelled-classes.ts';
import { labelledClass } from '../../worker/schemas/answer.ts';

const LOGITS = Float32Array.of(0, 2, 1);

test('what taught a class stands beside it', () => {
  const answer = labelledClasses(LOGITS, 2, {
    labels: ['tench', 'tabby', 'crane'],
    classes: [
      { id: 'n01440764', trainedWith: 'labels' },
      { id: 'n02123045', trainedWith: 'teacher' },
      { id: 'n02012849', trainedWith: 'labels' },
    ],
  });
  expect(answer).toMatchObject([
    { label: 'tabby', class: 1, logit: 2, id: 'n02123045', trained_with: 'teacher' },
    { label: 'crane', class: 2, logit: 1, id: 'n02012849', trained_with: 'labels' },
  ]);
  for (const item of answer) expect(labelledClass.parse(item)).toEqual(item);
});

test('a manifest that does not tell leaves it out, and one without labels gives null', () => {
  expect(Object.keys(labelledClasses(LOGITS, 1, { labels: ['a', 'b', 'c'] })[0] ?? {})).toEqual([
    'label',
    'class',
    'probability',
    'logit',
  ]);
  expect(labelledClasses(LOGITS, 1, { labels: [] })[0]?.label).toBeNull();
});
