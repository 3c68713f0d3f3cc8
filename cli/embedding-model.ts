// The model of a run: what its vectors are, and the engines that may compute them.

import { homedir } from 'node:os';
import type { Manifest } from '../core/manifest.ts';
import { createDescriber, type Describer, type DescriptorOptions } from '../engine/describer.ts';
import { readManifest } from '../engine/model-file.ts';
import { openProjections } from '../engine/model-projections.ts';
import { diskFiles } from '../engine/node/disk-files.ts';
import { weightsCacheFolder } from '../model-build/download-weights.ts';
import { floatDirectory } from '../model-build/float-directory.ts';
import { type EngineParts, openEngine } from '../runner/engine.ts';
import type { Choice } from '../runner/engines/choose.ts';

export interface EmbeddingModel {
  readonly manifest: Manifest;
  readonly id: string;
  readonly describer: Describer;
  openEngine(wanted: string): Promise<Choice>;
}

/** Throws ModelError, SourceError, and InputError for a descriptor that the model does not have. */
export async function openEmbeddingModel(
  directory: string,
  describe: (manifest: Manifest) => DescriptorOptions,
): Promise<EmbeddingModel> {
  const files = diskFiles(directory);
  const { manifest, id } = await readManifest(files);
  const describer = await createDescriber(describe(manifest), {
    manifest,
    projections: openProjections(files, id),
  });
  return {
    manifest,
    id,
    describer,
    openEngine: (wanted) => openModelEngine(wanted, { directory, manifest, taps: [describer.layer] }),
  };
}

/** Float graphs are made when an engine asks for them, and kept where `vgg-edge export` keeps them. */
export function openModelEngine(
  wanted: string,
  model: Pick<EngineParts, 'directory' | 'manifest' | 'taps'>,
): Promise<Choice> {
  const cache = weightsCacheFolder(process.env, homedir());
  return openEngine(wanted, {
    ...model,
    floatGraphs: async (precision) => (await floatDirectory(model.directory, precision, cache)).directory,
  });
}
