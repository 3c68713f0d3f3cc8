// Writes pickles (protocol 2) of what PyTorch saves and of what it never would. Tests only.

type Written = (string | number | Uint8Array)[];

const ENCODER = new TextEncoder();

/** Concatenates opcodes (one character or byte each) and raw bytes. */
export function bytesOf(...parts: (string | number | Uint8Array)[]): Uint8Array {
  return Uint8Array.from(
    parts.flatMap((part) => {
      if (typeof part === 'number') return [part];
      return typeof part === 'string' ? [...ENCODER.encode(part)] : [...part];
    }),
  );
}

export function uint32(value: number): Uint8Array {
  return new Uint8Array(Uint32Array.of(value).buffer);
}

export function int64(value: bigint): Uint8Array {
  return new Uint8Array(BigInt64Array.of(value).buffer);
}

const bytes = (...parts: Written): Uint8Array => bytesOf(...parts);

/** LONG1 with as many bytes as the number needs. */
export function long(value: bigint): Uint8Array {
  const digits: number[] = [];
  for (let rest = value; digits.length === 0 || (rest !== 0n && rest !== -1n); rest >>= 8n) {
    digits.push(Number(rest & 0xffn));
  }
  return bytes(0x8a, digits.length + 1, Uint8Array.from(digits), value < 0n ? 0xff : 0);
}

export const text = (value: string): Uint8Array =>
  bytes('X', uint32(ENCODER.encode(value).length), ENCODER.encode(value));
export const integer = (value: number | bigint): Uint8Array => long(BigInt(value));
export const tuple = (...items: Uint8Array[]): Uint8Array => bytes('(', ...items, 't');
export const list = (...items: Uint8Array[]): Uint8Array => bytes('](', ...items, 'e');
export const dict = (entries: Record<string, Uint8Array>): Uint8Array =>
  bytes('}(', ...Object.entries(entries).flatMap(([key, value]) => [text(key), value]), 'u');
export const global = (module: string, name: string): Uint8Array => bytes('c', module, '\n', name, '\n');
export const call = (callee: Uint8Array, ...args: Uint8Array[]): Uint8Array =>
  bytes(callee, tuple(...args), 'R');
export const NONE: Uint8Array = bytes('N');
export const TRUE: Uint8Array = bytes(0x88);
export const pickle = (...value: Uint8Array[]): Uint8Array => bytes(0x80, 2, ...value, '.');

/** Numbers of a tensor as written; any of them may be nonsense. */
export interface WrittenTensor {
  readonly storage?: string;
  readonly key?: string;
  readonly elements?: number | bigint;
  readonly offset?: number | bigint;
  readonly shape?: readonly (number | bigint)[];
  readonly strides?: readonly (number | bigint)[];
}

/** A tensor as _rebuild_tensor_v2 writes it: by default 2 × 3 floats, the whole of storage '0'. */
export function tensor(written: WrittenTensor = {}): Uint8Array {
  const { storage = 'FloatStorage', key = '0', elements = 6, offset = 0 } = written;
  const { shape = [2, 3], strides = [3, 1] } = written;
  const id = tuple(text('storage'), global('torch', storage), text(key), text('cpu'), integer(elements));
  return call(
    global('torch._utils', '_rebuild_tensor_v2'),
    bytes(id, 'Q'),
    integer(offset),
    tuple(...shape.map(integer)),
    tuple(...strides.map(integer)),
    TRUE,
    call(global('collections', 'OrderedDict')),
  );
}
