// Reads Python pickles (protocols 2 to 5) without running anything: plain values, and calls of the
// functions on the caller's list. Opcodes and their order of operands: Python's Lib/pickletools.py.

import { PickleMachine, type PickleVocabulary } from './pickle-machine.ts';

/** A value and where the next pickle starts. A dict becomes a Map, a list an array, a tuple a frozen array. */
export interface Unpickled {
  readonly value: unknown;
  readonly end: number;
}

const STOP = 0x2e;

type Operation = (machine: PickleMachine, opcode: number) => void;

const OPERATIONS: ReadonlyMap<number, Operation> = new Map<number, Operation>([
  /* PROTO            */ [0x80, checkProtocol],
  /* FRAME            */ [0x95, (machine) => machine.skip(8)],
  /* MARK             */ [0x28, (machine) => machine.mark()],
  /* POP              */ [0x30, (machine) => machine.pop()],
  /* POP_MARK         */ [0x31, (machine) => machine.popMark()],
  /* DUP              */ [0x32, (machine) => machine.push(machine.top())],
  /* NONE             */ [0x4e, (machine) => machine.push(null)],
  /* NEWTRUE          */ [0x88, (machine) => machine.push(true)],
  /* NEWFALSE         */ [0x89, (machine) => machine.push(false)],
  /* BININT           */ [0x4a, (machine) => machine.push(machine.int32())],
  /* BININT1          */ [0x4b, (machine) => machine.push(machine.uint8())],
  /* BININT2          */ [0x4d, (machine) => machine.push(machine.uint16())],
  /* LONG1            */ [0x8a, (machine) => machine.push(longInteger(machine.take(machine.uint8())))],
  /* BINFLOAT         */ [0x47, (machine) => machine.push(machine.float64BigEndian())],
  /* BINSTRING        */ [0x54, (machine) => machine.push(machine.text(machine.uint32()))],
  /* SHORT_BINSTRING  */ [0x55, (machine) => machine.push(machine.text(machine.uint8()))],
  /* BINBYTES         */ [0x42, (machine) => machine.push(machine.take(machine.uint32()))],
  /* SHORT_BINBYTES   */ [0x43, (machine) => machine.push(machine.take(machine.uint8()))],
  /* BINUNICODE       */ [0x58, (machine) => machine.push(machine.text(machine.uint32()))],
  /* SHORT_BINUNICODE */ [0x8c, (machine) => machine.push(machine.text(machine.uint8()))],
  /* EMPTY_TUPLE      */ [0x29, (machine) => machine.popTuple(0)],
  /* TUPLE            */ [0x74, (machine) => machine.pushTuple(machine.popMark())],
  /* TUPLE1           */ [0x85, (machine) => machine.popTuple(1)],
  /* TUPLE2           */ [0x86, (machine) => machine.popTuple(2)],
  /* TUPLE3           */ [0x87, (machine) => machine.popTuple(3)],
  /* EMPTY_LIST       */ [0x5d, (machine) => machine.push([])],
  /* APPEND           */ [0x61, (machine) => machine.append([machine.pop()])],
  /* APPENDS          */ [0x65, (machine) => machine.append(machine.popMark())],
  /* EMPTY_DICT       */ [0x7d, (machine) => machine.push(new Map())],
  /* SETITEM          */ [0x73, setItem],
  /* SETITEMS         */ [0x75, (machine) => machine.setItems(machine.popMark())],
  /* BINPUT           */ [0x71, (machine) => machine.remember(machine.uint8())],
  /* LONG_BINPUT      */ [0x72, (machine) => machine.remember(machine.uint32())],
  /* MEMOIZE          */ [0x94, (machine) => machine.memoize()],
  /* BINGET           */ [0x68, (machine) => machine.recall(machine.uint8())],
  /* LONG_BINGET      */ [0x6a, (machine) => machine.recall(machine.uint32())],
  /* GLOBAL           */ [0x63, (machine) => machine.push(machine.global(machine.line(), machine.line()))],
  /* STACK_GLOBAL     */ [0x93, stackGlobal],
  /* INST             */ [0x69, refuseInstance],
  /* REDUCE           */ [0x52, (machine) => machine.reduce()],
  /* BUILD            */ [0x62, (machine) => machine.build()],
  /* BINPERSID        */ [0x51, (machine) => machine.persistentLoad()],
]);

/**
 * Reads the pickle that starts at `start`; `where` names it in messages.
 * Throws InputError `invalid_weights` for what is broken, too large or not in the vocabulary.
 */
export function readPickle(
  bytes: Uint8Array,
  start: number,
  where: string,
  vocabulary: PickleVocabulary,
): Unpickled {
  const machine = new PickleMachine(bytes, start, where, vocabulary);
  for (;;) {
    const opcode = machine.nextOpcode();
    if (opcode === STOP) return { value: machine.pop(), end: machine.position };
    const operation = OPERATIONS.get(opcode) ?? refuseOpcode;
    operation(machine, opcode);
  }
}

function checkProtocol(machine: PickleMachine): void {
  const protocol = machine.uint8();
  if (protocol < 2 || protocol > 5) machine.fail('pickle protocol 2 to 5', `protocol ${protocol}`);
}

function setItem(machine: PickleMachine): void {
  const value = machine.pop();
  machine.setItems([machine.pop(), value]);
}

function stackGlobal(machine: PickleMachine): void {
  const name = machine.pop();
  machine.push(machine.global(machine.pop(), name));
}

function refuseInstance(machine: PickleMachine): never {
  machine.fail('no instance of a class', machine.global(machine.line(), machine.line()).name);
}

function refuseOpcode(machine: PickleMachine, opcode: number): never {
  machine.fail('an opcode of tensors and plain values', `0x${opcode.toString(16).padStart(2, '0')}`);
}

/** A little-endian two's complement integer: a number where that is exact, else a bigint. */
function longInteger(bytes: Uint8Array): number | bigint {
  const unsigned = bytes.reduceRight((value, byte) => (value << 8n) | BigInt(byte), 0n);
  const signed = BigInt.asIntN(8 * bytes.length, unsigned);
  const number = Number(signed);
  return Number.isSafeInteger(number) ? number : signed;
}
