// The files in a tar archive with the places of their bytes: POSIX ustar and pax, and GNU's long names. The
// archive may come from anyone; nothing is unpacked, and no size is believed beyond the end of the file.
// IEEE Std 1003.1-2017, pax, "Extended Description"; GNU tar manual, "Basic Tar Format".

import type { ByteFile } from './byte-file.ts';

export interface TarMember {
  /** `/` between folders, without `./` before it. */
  readonly name: string;
  readonly offset: number;
  readonly size: number;
  /** Why its bytes cannot be had: a link, a sparse file. */
  readonly problem?: string;
}

const BLOCK = 512;
/** Bytes of a long name or a pax header; names of files have at most 4096. */
const MAX_EXTENSION = 1 << 20;
/** pax headers of one member and of all that follow, GNU's long names and long targets of links. */
const EXTENSIONS: ReadonlySet<string> = new Set(['x', 'g', 'L', 'K']);
const REGULAR: ReadonlySet<string> = new Set(['0', '\0', '7']);
/** Links may be images to whoever made the archive; folders, devices and pipes are not. */
const LINKS: ReadonlySet<string> = new Set(['1', '2']);
const LATIN1 = new TextDecoder('latin1');
const UTF8 = new TextDecoder();

/** The archive is no tar from `offset` on; what came before stands. */
export class TarError extends Error {}

/** Throws TarError where the archive is cut or broken, and what `read` throws. */
export async function* tarMembers(size: number, read: ByteFile['read']): AsyncGenerator<TarMember> {
  let offset = 0;
  // What pax headers say of the next member, and GNU's long name.
  let pax: PaxRecords = {};
  let longName: string | undefined;
  while (offset < size) {
    const block = await read(offset, BLOCK);
    if (block.length < BLOCK) throw new TarError(`it ends within the header at byte ${offset}`);
    if (block.every((byte) => byte === 0)) return;
    const header = parseHeader(block, offset);
    const start = offset + BLOCK;
    const isExtension = EXTENSIONS.has(header.type);
    const bytes = isExtension || pax.size === undefined ? header.size : decimal(pax.size, offset);
    offset = start + Math.ceil(bytes / BLOCK) * BLOCK;

    if (isExtension) {
      if (bytes > MAX_EXTENSION || start + bytes > size) {
        throw new TarError(`the header at byte ${start - BLOCK} claims ${bytes} bytes`);
      }
      if (header.type === 'x') pax = parsePax(await read(start, bytes), start);
      if (header.type === 'L') longName = textOf(await read(start, bytes));
      continue;
    }

    const name = (pax.sparseName ?? pax.path ?? longName ?? header.name).replace(/^(?:\.?\/)+/, '');
    const sparse = header.type === 'S' || pax.sparse === true;
    pax = {};
    longName = undefined;
    const isLink = LINKS.has(header.type);
    if (!sparse && !isLink && !REGULAR.has(header.type)) continue;
    if (start + bytes > size) throw new TarError(`it ends within the ${bytes} bytes of ${name}`);
    const member = { name, offset: start, size: bytes };
    if (sparse) yield { ...member, problem: 'it is a sparse file, which is not read' };
    else if (isLink) yield { ...member, problem: 'it is a link' };
    else yield member;
  }
}

interface TarHeader {
  readonly name: string;
  readonly size: number;
  readonly type: string;
}

function parseHeader(block: Uint8Array, offset: number): TarHeader {
  const field = (start: number, length: number) => block.subarray(start, start + length);
  const sum = octal(field(148, 8));
  // The checksum's own bytes count as spaces. Old archives summed signed bytes.
  let unsigned = 0;
  let signed = 0;
  block.forEach((byte, place) => {
    const value = place >= 148 && place < 156 ? 0x20 : byte;
    unsigned += value;
    signed += value > 127 ? value - 256 : value;
  });
  if (sum !== unsigned && sum !== signed) throw new TarError(`expected a tar header at byte ${offset}`);
  const size = sizeOf(field(124, 12));
  if (size === undefined) throw new TarError(`the header at byte ${offset} has no valid size`);
  const name = textOf(field(0, 100));
  // GNU's variant keeps times where ustar has the beginning of a long name.
  const prefix = LATIN1.decode(field(257, 6)) === 'ustar\0' ? textOf(field(345, 155)) : '';
  const type = LATIN1.decode(field(156, 1));
  return { name: prefix === '' ? name : `${prefix}/${name}`, size, type };
}

/** Undefined for anything but octal digits between spaces and zeros. */
function octal(field: Uint8Array): number | undefined {
  const digits = /^[ \0]*([0-7]*)[ \0]*$/.exec(LATIN1.decode(field))?.[1];
  return digits === undefined ? undefined : Number.parseInt(`0${digits}`, 8);
}

/** Octal, or base 256 where the first bit is set; undefined beyond exact integers. */
function sizeOf(field: Uint8Array): number | undefined {
  const [first = 0, ...rest] = field;
  if (first < 0x80) return octal(field);
  const size = rest.reduce((sum, byte) => sum * 256 + byte, first & 0x7f);
  return first === 0x80 && Number.isSafeInteger(size) ? size : undefined;
}

interface PaxRecords {
  path?: string;
  size?: string;
  sparse?: true;
  sparseName?: string;
}

/** Records `LENGTH KEY=VALUE\n`, the length counting all of it. */
function parsePax(content: Uint8Array, offset: number): PaxRecords {
  const records: PaxRecords = {};
  let at = 0;
  while (at < content.length) {
    const length = Number(/^(\d{1,7}) /.exec(LATIN1.decode(content.subarray(at, at + 8)))?.[1]);
    const record = content.subarray(at, at + length);
    const [, key, value] = /^\d+ ([^=]+)=(.*)\n$/s.exec(UTF8.decode(record)) ?? [];
    if (record.length !== length || key === undefined || value === undefined) {
      throw new TarError(`expected pax records at byte ${offset}`);
    }
    if (key === 'path' || key === 'size') records[key] = value;
    if (key.startsWith('GNU.sparse.')) records.sparse = true;
    // Its path is one of GNU tar's own making.
    if (key === 'GNU.sparse.name') records.sparseName = value;
    at += length;
  }
  return records;
}

function decimal(text: string, offset: number): number {
  const value = Number(text);
  if (/^\d+$/.test(text) && Number.isSafeInteger(value)) return value;
  throw new TarError(`the header at byte ${offset} has no valid size`);
}

/** Up to the first zero. */
function textOf(field: Uint8Array): string {
  const end = field.indexOf(0);
  return UTF8.decode(end < 0 ? field : field.subarray(0, end));
}
