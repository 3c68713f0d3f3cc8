// vgg-edge index: the photographs of a folder into a vector index, resuming where it stopped.

import { createHash } from 'node:crypto';
import { basename, dirname, resolve } from 'node:path';
import { InputError, messageOf } from '../core/errors.ts';
import { type Command, onlyArgument, required, text, UsageError } from './command.ts';
import { DESCRIPTOR_OPTIONS } from './photo-embedder.ts';
import { listPhotoFiles } from './photo-folder.ts';
import { openPhotoIndex, type PhotoItem, PLACES } from './photo-index.ts';
import { createProgress } from './progress.ts';

/** What one request to a server may hold by default. */
const BATCH = 16;

export const indexImages: Command = {
  name: 'index',
  summary: 'Puts the photographs of a folder into a vector index; run again, it goes on where it stopped.',
  usage: 'FOLDER --to PLACE [options]',
  options: {
    to: { type: 'string', value: 'PLACE', description: PLACES },
    index: { type: 'string', value: 'NAME', description: "the index's name (default: the folder's)" },
    ...DESCRIPTOR_OPTIONS,
  },
  examples: [
    'vgg-edge index photos --to indexes',
    'vgg-edge index photos --to indexes --dimensions 256',
    'vgg-edge index photos --to http://127.0.0.1:8787',
    'vgg-edge index photos --to qdrant:http://127.0.0.1:6333 --index holiday',
  ],
  async run(positionals, values) {
    const folder = onlyArgument(positionals, 'a folder of photographs');
    const place = required(values, 'to');
    const name = text(values, 'index') ?? indexName(folder);
    const files = await listPhotoFiles(folder);
    const index = await openPhotoIndex(place, name, values, true);
    const progress = createProgress();
    const counts = { added: 0, unchanged: 0 };
    const failed: string[] = [];
    try {
      for (let start = 0; start < files.length; start += BATCH) {
        const batch = files.slice(start, start + BATCH);
        const known = await index.known(batch.map((file) => file.name));
        const photos: PhotoItem[] = [];
        for (const file of batch) {
          const bytes = await file.read().catch((error: unknown) => {
            failed.push(`${file.name}: ${messageOf(error)}`);
          });
          if (bytes === undefined) continue;
          const sha256 = createHash('sha256').update(bytes).digest('hex');
          if (known.get(file.name)?.sha256 === sha256) {
            counts.unchanged += 1;
            continue;
          }
          const metadata = { folder: dirname(file.name), bytes: bytes.length, sha256 };
          photos.push({ id: file.name, bytes, metadata });
        }
        const errors = photos.length === 0 ? new Map<string, string>() : await index.add(photos);
        counts.added += photos.length - errors.size;
        for (const [id, reason] of errors) failed.push(`${id}: ${reason}`);
        progress.update('indexing', Math.min(start + BATCH, files.length), files.length);
      }
      await index.finish();
    } finally {
      await index.close();
    }
    console.log(
      `${files.length} photographs in ${name}: ${counts.added} added, ${counts.unchanged} unchanged, ${failed.length} failed`,
    );
    for (const line of failed) console.error(`failed: ${line}`);
    if (failed.length > 0) {
      throw new InputError('invalid_image', `${failed.length} of ${files.length} photographs failed.`);
    }
  },
};

/** The folder's own name in the letters that names of indexes have. */
export function indexName(folder: string): string {
  const name = basename(resolve(folder))
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, '-')
    .replace(/^-+|-+$/g, '')
    .slice(0, 63);
  if (name !== '') return name;
  throw new UsageError(`Expected --index: '${folder}' has no letters for a name.`);
}
