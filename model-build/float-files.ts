// Float graphs of a model directory in memory: what float-directory.ts writes into a folder, for a browser,
// which has none.

import type { ManifestFloatGraphs } from '../core/manifest.ts';
import type { ModelFiles } from '../core/ports.ts';
import { floatBackbone, floatHead } from './float-graph.ts';
import { listGraphFiles } from './list-graph-files.ts';
import { dequantise } from './quantise.ts';
import { readModel } from './read-model.ts';

export interface FloatFiles {
  readonly graphs: ManifestFloatGraphs;
  /** Gives each file once and drops it: they hold four times the bytes of the int8 weights. */
  readonly files: ModelFiles;
}

/** Throws ModelError, SourceError. */
export async function makeFloatFiles(
  files: ModelFiles,
  precision: ManifestFloatGraphs['precision'],
): Promise<FloatFiles> {
  const network = dequantise((await readModel(files)).network);
  const options = { type: precision === 'fp16' ? 'float16' : 'float32' } as const;
  const graphs = { backbone: floatBackbone(network, options), head: floatHead(network, options) };
  const held = new Map<string, Uint8Array>();
  const listed: { graphs: ManifestFloatGraphs['graphs']; shards: ManifestFloatGraphs['shards'] } = {
    graphs: [],
    shards: [],
  };
  const names = { shards: precision, graphs: `.${precision}.onnx` };
  for (const { kind, file, part, bytes } of listGraphFiles(graphs, names)) {
    const digest = files.sha256();
    await digest.update(bytes);
    listed[kind].push({ file, part, bytes: bytes.length, sha256: await digest.hex() });
    held.set(file, bytes);
  }
  return {
    graphs: { precision, ...listed },
    files: {
      async open(file) {
        const bytes = held.get(file);
        held.delete(file);
        return (async function* () {
          if (bytes !== undefined) yield bytes;
        })();
      },
      sha256: files.sha256,
    },
  };
}
