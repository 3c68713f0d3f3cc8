// Vectors and images as text: base64 (RFC 4648) both ways, hex digits, and float32 as short decimal numbers.

import { InputError } from './errors.ts';

const ALPHABET = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/';
const CODES = Uint8Array.from(ALPHABET, (character) => character.charCodeAt(0));
const PADDING = '='.charCodeAt(0);

const INVALID = 0xff;
const SKIPPED = 0xfe;
const VALUES = new Uint8Array(256).fill(INVALID);
CODES.forEach((code, value) => {
  VALUES[code] = value;
});
// The URL-safe alphabet is read as well, and the line breaks that MIME writers put in; a space is none of
// them, so that text is not taken for an image.
VALUES['-'.charCodeAt(0)] = 62;
VALUES['_'.charCodeAt(0)] = 63;
for (const space of '\r\n') VALUES[space.charCodeAt(0)] = SKIPPED;

/** `String.fromCharCode` takes its characters as arguments, of which engines allow about 2¹⁶; fewer are faster. */
const CHUNK = 0x2000;

/** Base64 with padding. */
export function toBase64(bytes: Uint8Array): string {
  const text = new Uint8Array(Math.ceil(bytes.length / 3) * 4);
  let target = 0;
  for (let source = 0; source < bytes.length; source += 3) {
    const rest = bytes.length - source;
    const group = ((bytes[source] ?? 0) << 16) | ((bytes[source + 1] ?? 0) << 8) | (bytes[source + 2] ?? 0);
    text[target] = CODES[group >> 18] ?? 0;
    text[target + 1] = CODES[(group >> 12) & 63] ?? 0;
    text[target + 2] = rest > 1 ? (CODES[(group >> 6) & 63] ?? 0) : PADDING;
    text[target + 3] = rest > 2 ? (CODES[group & 63] ?? 0) : PADDING;
    target += 4;
  }
  let result = '';
  for (let start = 0; start < text.length; start += CHUNK) {
    // Spread out, they would go through an iterator one by one: seven times the time.
    result += Reflect.apply(String.fromCharCode, undefined, text.subarray(start, start + CHUNK));
  }
  return result;
}

/**
 * The bytes of base64 text, in the plain or the URL-safe alphabet, padded or not.
 * Throws InputError('invalid_option') that names `param` and the position of the first other character.
 */
export function fromBase64(text: string, param: string): Uint8Array {
  const end = paddingStart(text);
  const bytes = new Uint8Array(Math.floor((end * 3) / 4));
  let bits = 0;
  let held = 0;
  let target = 0;
  for (let position = 0; position < end; position += 1) {
    const code = text.charCodeAt(position);
    const value = code < 256 ? (VALUES[code] ?? INVALID) : INVALID;
    if (value === SKIPPED) continue;
    if (value === INVALID) {
      throw new InputError(
        'invalid_option',
        `Expected base64 for ${param} but found ${JSON.stringify(text[position])} at position ${position}.`,
        { param },
      );
    }
    held = (held << 6) | value;
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      bytes[target] = held >> bits;
      target += 1;
    }
  }
  if (bits === 6) {
    throw new InputError(
      'invalid_option',
      `Expected base64 for ${param} but found one that ends with a single character of a byte.`,
      { param },
    );
  }
  return bytes.subarray(0, target);
}

/** Where the last character stands that means something: before white space and at most two `=`. */
function paddingStart(text: string): number {
  let end = text.length;
  for (let padding = 0; end > 0; end -= 1) {
    const code = text.charCodeAt(end - 1);
    if (code === PADDING && padding < 2) padding += 1;
    else if (code >= 256 || VALUES[code] !== SKIPPED) break;
  }
  return end;
}

/** Base64 of the values as little-endian float32, as OpenAI's API has it. */
export function float32ToBase64(values: Float32Array): string {
  // Every platform that runs JavaScript engines today is little-endian.
  return toBase64(new Uint8Array(values.buffer, values.byteOffset, values.byteLength));
}

/** Throws InputError where it is no base64 of 4 bytes for each value; `param` names it in the message. */
export function base64ToFloat32(text: string, param: string): Float32Array {
  const bytes = fromBase64(text, param);
  if (bytes.length % 4 !== 0) {
    throw new InputError(
      'invalid_option',
      `Expected float32 values, 4 bytes each, for ${param} but found ${bytes.length} bytes.`,
      { param },
    );
  }
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  return Float32Array.from({ length: bytes.length / 4 }, (_, index) => view.getFloat32(index * 4, true));
}

/** Two lower-case digits for each byte. */
export function toHex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('');
}

/** Nine significant digits name a float32 uniquely; the double it is stored as would print up to 17. */
const FLOAT32_DIGITS = 9;
/** The powers of ten that are exact doubles. */
const POWERS = Array.from({ length: 23 }, (_, exponent) => Number(`1e${exponent}`));

/** The values as numbers that print short; `Math.fround` of each is the value again. */
export function float32ToNumbers(values: Float32Array): number[] {
  const numbers = new Array<number>(values.length);
  for (let index = 0; index < values.length; index += 1) numbers[index] = shorten(values[index] ?? 0);
  return numbers;
}

/**
 * `value` to nine digits. An answer has 25,088 of them, so it is reckoned, not printed and read again: that took most
 * of the memory which a request leaves to the garbage collector.
 */
function shorten(value: number): number {
  if (value === 0) return 0;
  const size = Math.abs(value);
  const power = POWERS[FLOAT32_DIGITS - 1 - Math.floor(Math.log10(size))];
  // Below 1e-14 and from 1e9 on, and what is no number.
  if (power === undefined) return Number(value.toPrecision(FLOAT32_DIGITS));
  return (Math.sign(value) * Math.round(size * power)) / power;
}
