import { describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { parseLabelFile } from '../../model-build/label-file.ts';

const HEADER = 'wnid\ttrained\tname';

describe('forms', () => {
  test.each([
    ['one a line', 'cat\ndog\n'],
    ['no newline at the end', 'cat\ndog'],
    ["Windows' line ends, a byte order mark, blanks", '\uFEFFcat \r\n dog\r\n\r\n'],
  ])('%s', (_what, text) => {
    expect(parseLabelFile(text, 'labels.txt')).toEqual({ labels: ['cat', 'dog'] });
  });

  test('a table tells what each class was trained with', () => {
    const text = `${HEADER}\nn02123045\tlabels\ttabby, tabby cat\nn02084071\tteacher\tdog\n`;
    expect(parseLabelFile(text, 'classes.tsv')).toEqual({
      labels: ['tabby, tabby cat', 'dog'],
      classes: [
        { id: 'n02123045', trainedWith: 'labels' },
        { id: 'n02084071', trainedWith: 'teacher' },
      ],
    });
  });
});

describe('refused by line', () => {
  test.each([
    ['an empty file', '', /at least one label in labels\.txt but found none/],
    ['blank lines alone', '\uFEFF\n \r\n', /at least one label in labels\.txt but found none/],
    ['a table without rows', `${HEADER}\n`, /at least one label in labels\.txt but found none/],
    ['an empty line between', 'cat\n\ndog', /labels\.txt, line 2 but found none/],
    ['a blank label', ' \ndog', /labels\.txt, line 1 but found none/],
    ['a label without end', `cat\n${'x'.repeat(201)}`, /line 2 but found 201/],
    ['another word for the training', `${HEADER}\nn1\tlabels\tcat\nn2\tmaybe\tdog`, /line 3 but found/],
    ['a column too many', `${HEADER}\nn1\tlabels\tcat\tx\nn2\tteacher\tdog`, /line 2 but found/],
  ])('%s', (_what, text, message) => {
    const read = () => parseLabelFile(text, 'labels.txt');
    expect(read).toThrow(message);
    expect(read).toThrow(InputError);
  });
});
