// Where the entries of a zip archive lie in the file. PyTorch stores its entries uncompressed, so that
// their bytes can be read in place; yauzl reads the central directory, zip64 included.

import yauzl from 'yauzl';
import { InputError } from '../core/errors.ts';
import { type ByteSource, isWithin } from './byte-source.ts';
import { invalidWeights } from './invalid-weights.ts';

/** An entry as its central directory describes it; where its data starts stands in its local header. */
export interface ZipEntry {
  readonly name: string;
  /** Bytes. */
  readonly size: number;
  /** The position of its bytes in the file. Throws InputError when they do not lie within it. */
  locate(): Promise<number>;
}

/** A checkpoint has one entry per tensor; thousands at most. */
const MAX_ENTRIES = 65_536;

/**
 * The entries by name. Throws InputError `invalid_weights` for a broken archive, compressed or encrypted
 * entries, two of one name, and names that lead out of the archive (`..`, absolute paths).
 */
export async function readZipIndex(source: ByteSource): Promise<ReadonlyMap<string, ZipEntry>> {
  const entries = new Map<string, ZipEntry>();
  try {
    const archive = await yauzl.fromRandomAccessReaderPromise(new SourceReader(source), source.size, {
      lazyEntries: true,
      autoClose: false,
      strictFileNames: true,
    });
    if (archive.entryCount > MAX_ENTRIES) {
      throw invalidWeights(source.name, `at most ${MAX_ENTRIES} entries`, `${archive.entryCount}`);
    }
    for await (const entry of archive.eachEntry()) {
      entries.set(entry.fileName, storedEntry(source, archive, entry, entries));
    }
  } catch (cause) {
    throw asInputError(cause, source.name);
  }
  return entries;
}

function storedEntry(
  source: ByteSource,
  archive: yauzl.ZipFile,
  entry: yauzl.Entry,
  known: ReadonlyMap<string, ZipEntry>,
): ZipEntry {
  const name = `${source.name}:${entry.fileName}`;
  if (entry.compressionMethod !== 0 || entry.isEncrypted()) {
    throw invalidWeights(name, 'a stored entry, as torch.save writes it,', 'a compressed or encrypted one');
  }
  if (known.has(entry.fileName)) throw invalidWeights(name, 'one entry of that name', 'two');
  return {
    name: entry.fileName,
    size: entry.uncompressedSize,
    async locate() {
      try {
        return (await archive.readLocalFileHeaderPromise(entry, { minimal: true })).fileDataStart;
      } catch (cause) {
        throw asInputError(cause, name);
      }
    },
  };
}

/** Lets yauzl read a ByteSource. It passes on whatever position an archive claims: checked here. */
class SourceReader extends yauzl.RandomAccessReader {
  private readonly source: ByteSource;

  constructor(source: ByteSource) {
    super();
    this.source = source;
  }

  override read(
    buffer: Buffer,
    offset: number,
    length: number,
    position: number,
    callback: (error: Error | null, bytesRead?: number) => void,
  ): void {
    if (!isWithin(position, length, this.source.size)) {
      callback(new Error(`its headers point to byte ${position} of ${this.source.size}`));
      return;
    }
    this.source.fill(buffer.subarray(offset, offset + length), position).then(
      () => callback(null, length),
      (cause: unknown) => callback(cause instanceof Error ? cause : new Error(String(cause))),
    );
  }

  /** The source is closed by who opened it. */
  override close(callback: (error: Error | null) => void): void {
    callback(null);
  }
}

function asInputError(cause: unknown, what: string): InputError {
  if (cause instanceof InputError) return cause;
  const found = cause instanceof Error ? cause.message : 'an unreadable one';
  return invalidWeights(what, 'a whole and sound zip archive', found, cause);
}
