// The photographs below a folder, the same that vgg-edge embed finds there, named as indexes and reports name
// them.

import { InputError } from '../core/errors.ts';
import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import { openFolder } from '../runner/sources/folder.ts';

export interface PhotoFile {
  /** Below the folder, with `/` between names. */
  readonly name: string;
  /** Throws InputError where it cannot be read or is too large, SourceError where trying again may help. */
  read(): Promise<Uint8Array>;
}

/** In order of name. Throws InputError where the folder cannot be read or holds none. */
export async function listPhotoFiles(folder: string): Promise<PhotoFile[]> {
  const source = await openFolder(folder);
  const files: PhotoFile[] = [];
  for await (const item of source.list()) {
    files.push({ name: item.id, read: () => source.read(item, LOCAL_IMAGE_LIMITS.maxBytes) });
  }
  if (files.length > 0) return files;
  throw new InputError(
    'invalid_file',
    `Expected photographs (.jpg, .png, .webp) in ${folder} but found none.`,
  );
}

/** As many as wanted, spread over the list, which is often ordered by class. */
export function spread<T>(files: readonly T[], wanted: number = files.length): T[] {
  const count = Math.min(wanted, files.length);
  return Array.from({ length: count }, (_, place) => Math.floor((place * files.length) / count)).flatMap(
    (place) => files.slice(place, place + 1),
  );
}
