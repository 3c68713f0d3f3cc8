// A file of the model directory → verified bytes. Nothing that came over a wire or off a disk is used
// before its length and its SHA-256 are those of the manifest.

import { ModelError, SourceError } from '../core/errors.ts';
import { type Manifest, modelId } from '../core/manifest.ts';
import { parseManifest } from '../core/parse-manifest.ts';
import type { ModelFiles } from '../core/ports.ts';
import { readChunks } from './read-chunks.ts';

/** A file as the manifest lists it. */
export interface ListedFile {
  readonly file: string;
  readonly bytes: number;
  /** Lower-case hex. */
  readonly sha256: string;
}

/** model.json of VGG19 has about 20 KB and the labels of 1000 classes as much again. */
const MAX_MANIFEST_BYTES = 4 * 1024 * 1024;

/**
 * The file's bytes, streamed into one array of the listed size.
 * Throws ModelError('corrupt_shard') when size or hash differ, SourceError when it cannot be fetched.
 */
export async function readModelFile(files: ModelFiles, listed: ListedFile): Promise<Uint8Array<ArrayBuffer>> {
  const content = new Uint8Array(listed.bytes);
  await streamModelFile(files, listed, (chunk, offset) => content.set(chunk, offset));
  return content;
}

/**
 * Hands the file's bytes to `receive` piece by piece, each with its offset; what was received may be used
 * only once this resolves. Throws as readModelFile does.
 */
export async function streamModelFile(
  files: ModelFiles,
  { file, bytes, sha256 }: ListedFile,
  receive: (chunk: Uint8Array, offset: number) => void,
): Promise<void> {
  const digest = files.sha256();
  let length = 0;
  for await (const chunk of chunksOf(files, file)) {
    if (length + chunk.length > bytes) throw corrupt(file, `${bytes} bytes`, 'more');
    receive(chunk, length);
    length += chunk.length;
    await digest.update(chunk);
  }
  if (length !== bytes) throw corrupt(file, `${bytes} bytes`, `${length}`);
  const found = await digest.hex();
  if (found !== sha256) throw corrupt(file, `SHA-256 ${sha256}`, found);
}

/** The manifest of a model directory and the model's id. Throws ModelError, SourceError. */
export async function readManifest(files: ModelFiles): Promise<{ manifest: Manifest; id: string }> {
  const content = await readBounded(files, 'model.json', MAX_MANIFEST_BYTES);
  const digest = files.sha256();
  await digest.update(content);
  const manifest = parseManifest(new TextDecoder().decode(content));
  return { manifest, id: modelId(manifest.name, await digest.hex()) };
}

/** A file that lists others, whole. Throws ModelError('invalid_manifest') beyond `maxBytes`, SourceError. */
export async function readBounded(files: ModelFiles, file: string, maxBytes: number): Promise<Uint8Array> {
  const content = new Uint8Array(maxBytes);
  let length = 0;
  for await (const chunk of chunksOf(files, file)) {
    if (length + chunk.length > maxBytes) {
      throw new ModelError(
        'invalid_manifest',
        `Expected at most ${maxBytes} bytes for ${file} but found more.`,
      );
    }
    content.set(chunk, length);
    length += chunk.length;
  }
  return content.slice(0, length);
}

/**
 * The file's bytes; each chunk is valid until the next one is asked for. A source that fails half-way has errors of
 * its own: they become SourceError('unreachable').
 */
async function* chunksOf(files: ModelFiles, file: string): AsyncGenerator<Uint8Array> {
  try {
    const content = await files.open(file);
    yield* content instanceof ReadableStream ? readChunks(content) : content;
  } catch (cause) {
    if (cause instanceof SourceError) throw cause;
    throw new SourceError('unreachable', `${file} could not be read to its end.`, { cause, param: file });
  }
}

function corrupt(file: string, expected: string, found: string): ModelError {
  return new ModelError(
    'corrupt_shard',
    `Expected ${expected} for ${file} but found ${found}. Copy the model directory again.`,
    { param: file },
  );
}
