// Writes PyTorch's file formats around a pickle, sound or not. Tests only.

import { crc32, deflateRawSync } from 'node:zlib';
import { bytesOf, int64, integer, list, long, pickle, TRUE, text, uint32 } from './pickle-writer.ts';

/** The elements of each storage. */
export type Storages = Readonly<Record<string, Uint8Array>>;

export const floats = (...values: number[]): Uint8Array => new Uint8Array(Float32Array.from(values).buffer);

export const SIX_FLOATS: Storages = { 0: floats(1, 2, 3, 4, 5, 6) };

/** A legacy file: header, value, keys, and each storage behind its count of 4-byte elements. */
export function legacyFile(value: Uint8Array, storages: Storages = SIX_FLOATS): Uint8Array {
  const keys = Object.keys(storages).map(text);
  return bytesOf(
    pickle(long(0x1950a86a20f9469cfc6cn)),
    pickle(integer(1001)),
    pickle(bytesOf('}', text('little_endian'), TRUE, 's')),
    pickle(value),
    pickle(list(...keys)),
    ...Object.values(storages).flatMap((bytes) => [int64(BigInt(bytes.length / 4)), bytes]),
  );
}

/** A zip file as torch.save writes it. */
export function zipFile(value: Uint8Array, storages: Storages = SIX_FLOATS): Uint8Array {
  return zipArchive([
    { name: 'archive/data.pkl', bytes: pickle(value) },
    ...Object.entries(storages).map(([key, bytes]) => ({ name: `archive/data/${key}`, bytes })),
    { name: 'archive/version', bytes: bytesOf('3\n') },
  ]);
}

export interface WrittenEntry {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly deflated?: boolean;
  /** What the headers claim in place of the truth. */
  readonly claimedSize?: number;
  readonly claimedOffset?: number;
}

const uint16 = (value: number): Uint8Array => uint32(value).subarray(0, 2);

/** PKZIP's APPNOTE 4.3: local headers with their data, central directory, end record. */
export function zipArchive(entries: readonly WrittenEntry[]): Uint8Array {
  const locals: Uint8Array[] = [];
  const centrals: Uint8Array[] = [];
  let offset = 0;
  for (const { name, bytes, deflated = false, claimedSize, claimedOffset } of entries) {
    const data = deflated ? deflateRawSync(bytes) : bytes;
    const size = claimedSize ?? bytes.length;
    // Version needed, flags, method, time and date, checksum, sizes, length of the name.
    const common = bytesOf(
      ...[uint16(20), uint16(0), uint16(deflated ? 8 : 0), uint32(0), uint32(crc32(bytes))],
      ...[uint32(deflated ? data.length : size), uint32(size), uint16(name.length)],
    );
    const local = bytesOf('PK\x03\x04', common, uint16(0), name, data);
    locals.push(local);
    centrals.push(
      bytesOf('PK\x01\x02', uint16(20), common, new Uint8Array(12), uint32(claimedOffset ?? offset), name),
    );
    offset += local.length;
  }
  const directory = bytesOf(...centrals);
  const count = uint16(entries.length);
  const end = bytesOf(
    'PK\x05\x06',
    uint32(0),
    count,
    count,
    uint32(directory.length),
    uint32(offset),
    uint16(0),
  );
  return bytesOf(...locals, directory, end);
}
