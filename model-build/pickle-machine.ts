// The stack machine behind pickle.ts: its input, stack, marks and memo, every step checked and limited.

import { InputError } from '../core/errors.ts';
import { invalidWeights, printable } from './invalid-weights.ts';

/** A class or function that a pickle may name. */
export interface PickleGlobal {
  /** Dotted, as the pickle names it. */
  readonly name: string;
  /** What calling it gives; null for a name that is only a marker. */
  readonly call: ((args: readonly unknown[]) => unknown) | null;
}

/** All that a pickle may do beyond plain values. */
export interface PickleVocabulary {
  readonly globals: ReadonlyMap<string, PickleGlobal>;
  /** The object behind a persistent id. */
  persistentLoad(id: unknown): unknown;
  /** Sets attributes of `instance`; throws when it may have none. */
  build(instance: unknown, state: unknown): void;
}

// Far above any state dict (a VGG19 with batch norm has about 3000 opcodes), and quickly run into.
const MAX_OPCODES = 1_000_000;
const MAX_MEMO = 1_000_000;
const MAX_NESTING = 1_000;
const MAX_STRING_BYTES = 1 << 20;

const UTF8 = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export class PickleMachine {
  private readonly bytes: Uint8Array;
  private readonly view: DataView;
  private readonly where: string;
  private readonly vocabulary: PickleVocabulary;
  private readonly stack: unknown[] = [];
  private readonly marks: number[] = [];
  private readonly memo = new Map<number, unknown>();
  private opcodeAt = 0;
  private opcodes = 0;
  position: number;

  constructor(bytes: Uint8Array, start: number, where: string, vocabulary: PickleVocabulary) {
    this.bytes = bytes;
    this.view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.position = start;
    this.where = where;
    this.vocabulary = vocabulary;
  }

  fail(expected: string, found: string): never {
    throw invalidWeights(`${this.where} at byte ${this.opcodeAt}`, expected, found);
  }

  nextOpcode(): number {
    this.opcodeAt = this.position;
    this.opcodes += 1;
    if (this.opcodes > MAX_OPCODES) this.fail(`at most ${MAX_OPCODES} opcodes`, 'more');
    return this.uint8();
  }

  // Input

  uint8(): number {
    return this.view.getUint8(this.advance(1));
  }
  uint16(): number {
    return this.view.getUint16(this.advance(2), true);
  }
  uint32(): number {
    return this.view.getUint32(this.advance(4), true);
  }
  int32(): number {
    return this.view.getInt32(this.advance(4), true);
  }
  float64BigEndian(): number {
    return this.view.getFloat64(this.advance(8), false);
  }
  skip(length: number): void {
    this.advance(length);
  }
  take(length: number): Uint8Array {
    if (length > MAX_STRING_BYTES) {
      this.fail(`a string of at most ${MAX_STRING_BYTES} bytes`, `one of ${length}`);
    }
    const at = this.advance(length);
    return this.bytes.subarray(at, at + length);
  }
  text(length: number): string {
    try {
      return UTF8.decode(this.take(length));
    } catch (cause) {
      if (cause instanceof InputError) throw cause;
      return this.fail('a string in UTF-8', 'other bytes');
    }
  }
  line(): string {
    const end = this.bytes.indexOf(0x0a, this.position);
    if (end < 0) this.fail('a name that ends in a line break', 'the end');
    const line = this.text(end - this.position);
    this.advance(1);
    return line;
  }
  private advance(length: number): number {
    if (length > this.bytes.length - this.position) this.fail(`${length} more bytes`, 'the end');
    const at = this.position;
    this.position += length;
    return at;
  }

  // Stack

  push(value: unknown): void {
    this.stack.push(value);
  }
  pop(): unknown {
    if (this.stack.length <= (this.marks.at(-1) ?? 0)) this.fail('a value on the stack', 'none');
    return this.stack.pop();
  }
  top(): unknown {
    const value = this.pop();
    this.push(value);
    return value;
  }
  mark(): void {
    if (this.marks.length >= MAX_NESTING) this.fail(`at most ${MAX_NESTING} nested values`, 'more');
    this.marks.push(this.stack.length);
  }
  popMark(): unknown[] {
    const mark = this.marks.pop();
    return mark === undefined ? this.fail('a mark on the stack', 'none') : this.stack.splice(mark);
  }

  // Values. A tuple is a frozen array, so that nothing is appended to it.

  pushTuple(items: unknown[]): void {
    this.push(Object.freeze(items));
  }
  popTuple(length: number): void {
    this.pushTuple(Array.from({ length }, () => this.pop()).reverse());
  }
  append(items: readonly unknown[]): void {
    const list = this.top();
    if (!Array.isArray(list) || Object.isFrozen(list)) this.fail('a list to append to', kindOf(list));
    for (const item of items) list.push(item);
  }
  setItems(items: readonly unknown[]): void {
    const dict = this.top();
    if (!(dict instanceof Map)) this.fail('a dict to fill', kindOf(dict));
    if (items.length % 2 !== 0) this.fail('pairs of key and value', `${items.length} values`);
    for (let index = 0; index < items.length; index += 2) dict.set(items[index], items[index + 1]);
  }

  // Memo

  remember(key: number): void {
    if (this.memo.size >= MAX_MEMO) this.fail(`at most ${MAX_MEMO} remembered values`, 'more');
    this.memo.set(key, this.top());
  }
  memoize(): void {
    this.remember(this.memo.size);
  }
  recall(key: number): void {
    if (!this.memo.has(key)) this.fail('a remembered value', `none under ${key}`);
    this.push(this.memo.get(key));
  }

  // What only the vocabulary allows

  global(module: unknown, name: unknown): PickleGlobal {
    if (typeof module !== 'string' || typeof name !== 'string')
      this.fail('a module and a name', 'other values');
    const dotted = `${module}.${name}`;
    return (
      this.vocabulary.globals.get(dotted) ??
      this.fail(
        'nothing but tensors and plain values (save model.state_dict() alone)',
        `the name ${dotted}, which is refused`,
      )
    );
  }
  reduce(): void {
    const args = this.pop();
    const callee = this.pop();
    if (!isGlobal(callee) || callee.call === null) this.fail('a function to call', kindOf(callee));
    if (!Array.isArray(args)) this.fail(`a tuple of arguments for ${callee.name}`, kindOf(args));
    this.push(callee.call(args));
  }
  build(): void {
    const state = this.pop();
    this.vocabulary.build(this.top(), state);
  }
  persistentLoad(): void {
    this.push(this.vocabulary.persistentLoad(this.pop()));
  }
}

/** What a value is, for messages; never the value whole, which may be large or refer to itself. */
export function kindOf(value: unknown): string {
  if (value === null) return 'None';
  if (Array.isArray(value)) return Object.isFrozen(value) ? 'a tuple' : 'a list';
  if (value instanceof Map) return 'a dict';
  if (value instanceof Uint8Array) return 'bytes';
  if (isGlobal(value)) return value.name;
  if (typeof value === 'string') return `'${printable(value)}'`;
  return typeof value === 'object' ? `a ${value.constructor.name}` : String(value);
}

function isGlobal(value: unknown): value is PickleGlobal {
  return typeof value === 'object' && value !== null && 'name' in value && 'call' in value;
}
