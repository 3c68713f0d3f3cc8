// PyTorch's file since 1.6: a zip archive NAME/data.pkl with the structure and NAME/data/KEY with the
// elements of each storage (caffe2/serialize/inline_container.h).

import { type ByteSource, readBytes } from './byte-source.ts';
import { invalidWeights } from './invalid-weights.ts';
import { readPickle } from './pickle.ts';
import type { TorchArchive } from './torch-archive.ts';
import { type TorchStorage, torchVocabulary } from './torch-pickle.ts';
import { readZipIndex, type ZipEntry } from './zip-index.ts';

/** The pickle has about 150 bytes per tensor; a state dict of a VGG has 20 kB. */
const MAX_PICKLE_BYTES = 16 << 20;

/** Reads the structure of a torch zip file. Throws InputError `invalid_weights`. */
export async function readTorchZip(source: ByteSource): Promise<TorchArchive> {
  const entries = await readZipIndex(source);
  const [pickle, another] = [...entries.values()].filter(({ name }) => /^[^/]+\/data\.pkl$/.test(name));
  if (pickle === undefined || another !== undefined) {
    const found = another === undefined ? 'no such entry' : `${pickle?.name} and ${another.name}`;
    throw invalidWeights(source.name, 'one entry NAME/data.pkl, as torch.save writes it,', found);
  }
  const root = pickle.name.slice(0, -'data.pkl'.length);
  if (entries.has(`${root}constants.pkl`)) {
    throw invalidWeights(
      source.name,
      'a state dict (torch.save(model.state_dict(), …))',
      'a TorchScript archive',
    );
  }
  await checkByteOrder(source, entries.get(`${root}byteorder`));
  const bytes = await readEntry(source, pickle, MAX_PICKLE_BYTES);
  const vocabulary = torchVocabulary(new Map<string, TorchStorage>());
  const { value } = readPickle(bytes, 0, `${source.name}:${pickle.name}`, vocabulary);
  return {
    format: 'torch-zip',
    value,
    async locate(storage) {
      const entry = entries.get(`${root}data/${storage.key}`);
      return entry && { position: await entry.locate(), length: entry.size };
    },
  };
}

/** The entry exists since PyTorch 2.1; before, files were little-endian in practice. */
async function checkByteOrder(source: ByteSource, entry: ZipEntry | undefined): Promise<void> {
  if (entry === undefined) return;
  const byteOrder = new TextDecoder().decode(await readEntry(source, entry, 16)).trim();
  if (byteOrder !== 'little') throw invalidWeights(source.name, 'little-endian numbers', `'${byteOrder}'`);
}

async function readEntry(source: ByteSource, entry: ZipEntry, limit: number): Promise<Uint8Array> {
  if (entry.size > limit) throw invalidWeights(entry.name, `at most ${limit} bytes`, `${entry.size}`);
  return readBytes(source, await entry.locate(), entry.size, entry.name);
}
