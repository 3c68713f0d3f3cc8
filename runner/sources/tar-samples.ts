// Samples of a webdataset: files of a tar archive that stand side by side under one key, `0017.jpg`,
// `0017.json`, `0017.cls`. https://github.com/webdataset/webdataset, "The WebDataset Format".

import { IMAGE_ENDINGS } from '../../core/image.ts';
import type { TarMember } from './tar-members.ts';

export interface TarSample {
  readonly images: readonly TarMember[];
  /** Ending → file, of those that describe the images. */
  readonly notes: ReadonlyMap<NoteEnding, TarMember>;
}

const NOTES = ['json', 'txt', 'cls'] as const;
export type NoteEnding = (typeof NOTES)[number];

/** Files of one key held at a time: a sample has a handful. */
const MAX_MEMBERS = 1000;
/** The key is all before the first dot of the file's own name. Hidden files have none. */
const NAME = /^((?:.*\/)?[^./][^./]*)\.([^/]+)$/s;

/**
 * In order; files with neither an image's ending nor a note's are passed over. Where the archive breaks, the
 * sample before comes first.
 */
export async function* tarSamples(members: AsyncIterable<TarMember>): AsyncGenerator<TarSample> {
  let key: string | undefined;
  let images: TarMember[] = [];
  let notes = new Map<NoteEnding, TarMember>();
  let failure: unknown;
  try {
    for await (const member of members) {
      const [, found, ending = ''] = NAME.exec(member.name) ?? [];
      if (found === undefined) continue;
      if (found !== key || images.length + notes.size >= MAX_MEMBERS) {
        if (images.length > 0) yield { images, notes };
        key = found;
        images = [];
        notes = new Map();
      }
      const note = NOTES.find((candidate) => candidate === ending.toLowerCase());
      if (IMAGE_ENDINGS.test(member.name)) images.push(member);
      else if (note !== undefined && !notes.has(note)) notes.set(note, member);
    }
  } catch (error) {
    failure = error;
  }
  if (images.length > 0) yield { images, notes };
  if (failure !== undefined) throw failure;
}
