// The pickle reader: plain values, calls of known functions, and everything else refused.

import { describe, expect, test } from 'vitest';
import { InputError } from '../../core/errors.ts';
import { readPickle } from '../../model-build/pickle.ts';
import type { PickleGlobal, PickleVocabulary } from '../../model-build/pickle-machine.ts';
import {
  bytesOf,
  call,
  dict,
  global,
  integer,
  list,
  long,
  NONE,
  pickle,
  text,
  tuple,
  uint32,
} from './pickle-writer.ts';

const VOCABULARY: PickleVocabulary = {
  globals: new Map<string, PickleGlobal>([
    ['math.add', { name: 'math.add', call: ([a, b]) => Number(a) + Number(b) }],
    ['math.Kind', { name: 'math.Kind', call: null }],
  ]),
  persistentLoad: (id) => ({ id }),
  build: () => undefined,
};

const read = (bytes: Uint8Array): unknown => readPickle(bytes, 0, 'weights.pth', VOCABULARY).value;

describe('values', () => {
  test.each<[string, Uint8Array, unknown]>([
    ['None', NONE, null],
    ['a small integer', bytesOf('K', 200), 200],
    ['a 16-bit integer', bytesOf('M', 0x34, 0x12), 0x1234],
    ['a negative 32-bit integer', bytesOf('J', uint32(0xffff_fffe)), -2],
    ['a long within the safe integers', long(-(2n ** 40n)), -(2 ** 40)],
    ['a long beyond them', long(2n ** 63n), 2n ** 63n],
    ['an empty long', bytesOf(0x8a, 0), 0],
    ['a float', bytesOf('G', 0x3f, 0xf8, 0, 0, 0, 0, 0, 0), 1.5],
    ['a text', text('größe'), 'größe'],
    ['a text of Python 2', bytesOf('U', 3, 'abc'), 'abc'],
    ['a list', list(integer(1), text('a')), [1, 'a']],
    ['a tuple', tuple(integer(1), NONE), [1, null]],
    ['a dict', dict({ a: integer(1) }), new Map([['a', 1]])],
    ['a remembered value', bytesOf(']', 'q', 7, 'h', 7, 0x86), [[], []]],
    ['a call of a known function', call(global('math', 'add'), integer(2), integer(3)), 5],
    [
      'the same, named on the stack',
      bytesOf(text('math'), text('add'), 0x93, tuple(integer(2), integer(3)), 'R'),
      5,
    ],
    ['a persistent object', bytesOf(text('s'), 'Q'), { id: 's' }],
  ])('%s', (_, written, expected) => {
    expect(read(pickle(written))).toEqual(expected);
  });

  test('one after another in the same bytes', () => {
    const first = pickle(integer(1));
    const both = bytesOf(first, pickle(integer(2)));
    expect(readPickle(both, first.length, 'weights.pth', VOCABULARY)).toEqual({ value: 2, end: both.length });
  });
});

describe('refused, with the place and the name', () => {
  const deep = bytesOf(...Array.from({ length: 1001 }, () => '('));
  test.each<[string, Uint8Array, RegExp]>([
    ['a call of os.system', call(global('os', 'system'), text('id')), /os\.system, which is refused/],
    ['naming it is enough', global('posix', 'system'), /posix\.system, which is refused/],
    ['named on the stack', bytesOf(text('builtins'), text('eval'), 0x93), /builtins\.eval, which is refused/],
    ['an instance', bytesOf('(', 'i', 'os\nsystem\n'), /os\.system, which is refused/],
    [
      'an instance of a known class',
      bytesOf('(', 'i', 'math\nKind\n'),
      /no instance of a class .* math\.Kind/,
    ],
    ['a new object', bytesOf(global('math', 'Kind'), ')', 0x81), /an opcode .* 0x81/],
    ['a name from a registry', bytesOf(0x82, 1), /an opcode .* 0x82/],
    ['a call of what is only a marker', call(global('math', 'Kind')), /a function to call .* math\.Kind/],
    ['a call of a value', call(text('os.system'), text('id')), /a function to call .* 'os\.system'/],
    [
      'arguments that are no tuple',
      bytesOf(global('math', 'add'), 'N', 'R'),
      /arguments for math\.add .* None/,
    ],
    ['protocol 0', bytesOf(0x80, 0), /pickle protocol 2 to 5 .* protocol 0/],
    ['protocol 6', bytesOf(0x80, 6), /pickle protocol 2 to 5 .* protocol 6/],
    ['a pop from an empty stack', bytesOf('0'), /a value on the stack .* at byte 2 .* none/],
    ['a pop through a mark', bytesOf('N(0'), /a value on the stack/],
    ['a tuple without a mark', bytesOf('Nt'), /a mark on the stack/],
    ['an odd number of values for a dict', bytesOf('}(', NONE, 'u'), /pairs of key and value .* 1 values/],
    ['filling what is no dict', bytesOf(']', 'N', 'N', 's'), /a dict to fill .* a list/],
    ['appending to a tuple', bytesOf(')', 'N', 'a'), /a list to append to .* a tuple/],
    ['a memory that is not there', bytesOf('h', 9), /none under 9/],
    ['a text longer than the file', bytesOf('X', uint32(1000), 'abc'), /1000 more bytes .* the end/],
    ['a text of 4 GB', bytesOf('X', uint32(0xffff_ffff)), /at most 1048576 bytes .* 4294967295/],
    ['a text that is no UTF-8', bytesOf('X', uint32(1), 0xff), /UTF-8/],
    ['a name without end', bytesOf('cos'), /a name that ends in a line break/],
    ['nesting without end', deep, /at most 1000 nested values/],
  ])('%s', (_, written, message) => {
    expect(() => read(pickle(written))).toThrow(InputError);
    expect(() => read(pickle(written))).toThrow(message);
  });

  test('every truncation', () => {
    const whole = pickle(
      dict({ a: call(global('math', 'add'), integer(2), long(2n ** 70n)), b: list(NONE) }),
    );
    for (let length = 0; length < whole.length; length += 1) {
      expect(() => read(whole.subarray(0, length)), `${length} bytes`).toThrow(InputError);
    }
  });

  test('opcodes without end', () => {
    expect(() => read(bytesOf(new Uint8Array(1_000_001).fill(0x5d)))).toThrow(/at most 1000000 opcodes/);
  });

  test('control characters of a file do not reach the terminal', () => {
    expect(() => read(pickle(global('os\u001b[2J', 'x')))).toThrow(/the name os\?\[2J\.x/);
  });
});
