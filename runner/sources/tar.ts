// Images in tar files in webdataset form, read where they lie: `shards-{000..009}.tar`, `shards/*.tar`.

import { join, resolve } from 'node:path';
import { expand } from 'brace-expansion';
import { InputError } from '../../core/errors.ts';
import type { Metadata } from '../../core/vector-store.ts';
import type { Source, SourceItem } from '../ports.ts';
import { brokenItem, refuseBroken } from './broken-item.ts';
import { type ByteFile, type ByteFiles, ON_DISK, readAhead } from './byte-file.ts';
import { checkFolder, globbedFiles } from './folder.ts';
import { parseGlob, splitGlob } from './glob.ts';
import { tooLarge } from './image-file.ts';
import { TarError, type TarMember, tarMembers } from './tar-members.ts';
import { sampleMetadata } from './tar-metadata.ts';
import { type TarSample, tarSamples } from './tar-samples.ts';
import { createUniqueIds, type UniqueIds } from './unique-ids.ts';

/** Archives that one pattern may name. */
const MAX_ARCHIVES = 1_000_000;
/** Bytes read at once where only headers are wanted. */
const WINDOW = 16 * 1024;

export interface TarOptions {
  /** The fields that become metadata; by default all. */
  readonly metadataColumns?: readonly string[];
  /** Where the archives lie, by path or URL; on the disk by default. */
  readonly files?: ByteFiles;
  /** Bytes read at once; more where each read takes long. */
  readonly window?: number;
}

export function isTar(spec: string): boolean {
  return /\.tar$/i.test(spec);
}

/**
 * Ids are the archive's path, below what stands before the first wildcard or brace, and the name in it. An
 * archive that is cut or broken is an item that fails; what comes before the break is read. Throws InputError
 * for a pattern of too many archives, or where the folder of a glob is none.
 */
export async function openTars(pattern: string, options: TarOptions = {}): Promise<Source> {
  const { files = ON_DISK } = options;
  const archives = /[*?[\]]/.test(pattern) ? await globbedArchives(pattern) : namedArchives(pattern);
  return {
    name: pattern,
    async *list() {
      const ids = createUniqueIds();
      for await (const archive of archives()) {
        if ('problem' in archive) yield brokenItem(archive.name, archive.problem);
        else yield* listArchive(archive, ids, options);
      }
    },
    async read(item, maxBytes) {
      refuseBroken(item);
      const { path, offset, size } = parseLocation(item.location);
      if (size > maxBytes) throw tooLarge(item.id, maxBytes, size);
      const bytes = await files.readPart(path, offset, size);
      if (bytes.length === size) return bytes;
      throw new InputError(
        'invalid_file',
        `Expected ${size} bytes of ${item.id} but ${path} has become shorter.`,
      );
    },
    async close() {},
  };
}

interface Archive {
  /** What ids begin with. */
  readonly name: string;
  readonly path: string;
}

type Archives = () => AsyncIterable<Archive | { readonly name: string; readonly problem: string }>;

async function globbedArchives(pattern: string): Promise<Archives> {
  const glob = parseGlob(pattern);
  await checkFolder(glob.folder);
  return async function* () {
    for await (const entry of globbedFiles(glob)) {
      const { path: name } = entry;
      yield 'problem' in entry ? { name, problem: entry.problem } : { name, path: join(glob.folder, name) };
    }
  };
}

/** Throws InputError. */
function namedArchives(pattern: string): Archives {
  const paths = expand(pattern, { max: MAX_ARCHIVES + 1, maxLength: Number.POSITIVE_INFINITY });
  if (paths.length > MAX_ARCHIVES) {
    throw new InputError('invalid_argument', `Expected at most ${MAX_ARCHIVES} archives in ${pattern}.`);
  }
  const { fixed } = splitGlob(pattern);
  return async function* () {
    for (const path of paths) yield { name: path.slice(fixed.length), path: locate(path) };
  };
}

/** Absolute, or a URL. */
function locate(path: string): string {
  return /^[a-z0-9]+:\/\//i.test(path) ? path : resolve(path);
}

async function* listArchive(
  { name, path }: Archive,
  ids: UniqueIds,
  { files = ON_DISK, window = WINDOW, metadataColumns }: TarOptions,
): AsyncGenerator<SourceItem> {
  let place = 0;
  let file: ByteFile | undefined;
  try {
    file = await files.open(path);
    const read = readAhead(file, window);
    for await (const sample of tarSamples(tarMembers(file.size, read))) {
      const { metadata, problem } = await describeSample(sample, read, metadataColumns);
      for (const image of sample.images) {
        place += 1;
        const id = ids.take(`${name}/${image.name}`, place);
        const reason = image.problem ?? problem;
        if (reason === undefined) yield { id, location: toLocation(path, image), metadata };
        else yield brokenItem(id, `${image.name} in ${path} cannot be read: ${reason}.`);
      }
    }
  } catch (error) {
    if (!(error instanceof TarError || error instanceof InputError)) throw error;
    const problem =
      error instanceof TarError ? `${path} is no whole tar file: ${error.message}.` : error.message;
    yield brokenItem(ids.take(name, place + 1), problem);
  } finally {
    await file?.close();
  }
}

async function describeSample(
  sample: TarSample,
  read: ByteFile['read'],
  columns: readonly string[] | undefined,
): Promise<{ metadata: Metadata; problem?: string }> {
  try {
    return { metadata: await sampleMetadata(sample, read, columns) };
  } catch (error) {
    if (error instanceof RangeError) return { metadata: {}, problem: error.message };
    throw error;
  }
}

/** `PATH@OFFSET+SIZE`. */
function toLocation(path: string, { offset, size }: TarMember): string {
  return `${path}@${offset}+${size}`;
}

/** Throws InputError. */
function parseLocation(location: string): { path: string; offset: number; size: number } {
  const [, path, offset, size] = /^(.+)@(\d{1,15})\+(\d{1,15})$/s.exec(location) ?? [];
  if (path === undefined)
    throw new InputError('invalid_file', `Expected a place in a tar but found ${location}.`);
  return { path, offset: Number(offset), size: Number(size) };
}
