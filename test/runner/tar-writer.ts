// Tar files as the tests want them, valid or not. What real writers make is in test/golden/tar.

const BLOCK = 512;

export interface TarEntry {
  readonly name: string;
  readonly content?: string | Uint8Array;
  readonly type?: string;
  /** What the header claims, instead of the content's length. */
  readonly size?: number;
  /** The size's field as it is, 12 bytes. */
  readonly sizeField?: Uint8Array;
  readonly checksum?: number;
}

export function writeTar(entries: readonly TarEntry[], end = true): Uint8Array {
  return Buffer.concat([...entries.flatMap(toBlocks), Buffer.alloc(end ? 2 * BLOCK : 0)]);
}

function toBlocks({ name, content = '', type = '0', size, sizeField, checksum }: TarEntry): Buffer[] {
  const bytes = Buffer.from(content);
  const header = Buffer.alloc(BLOCK);
  header.write(name.slice(0, 100));
  header.write('0000644\0', 100);
  header.write(`${(size ?? bytes.length).toString(8).padStart(11, '0')}\0`, 124);
  if (sizeField !== undefined) header.set(sizeField, 124);
  header.write('        ', 148);
  header.write(type, 156);
  header.write('ustar\x0000', 257);
  const sum = checksum ?? header.reduce((total, byte) => total + byte, 0);
  header.write(`${sum.toString(8).padStart(6, '0')}\0 `, 148);
  return [header, bytes, Buffer.alloc(-bytes.length & (BLOCK - 1))];
}

/** A pax header for the entry that follows. */
export function paxEntry(records: Readonly<Record<string, string>>): TarEntry {
  const lines = Object.entries(records).map(([key, value]) => {
    const rest = ` ${key}=${value}\n`;
    const digits = String(Buffer.byteLength(rest) + 2).length;
    return `${Buffer.byteLength(rest) + digits}${rest}`;
  });
  return { name: 'PaxHeaders/x', type: 'x', content: lines.join('') };
}
