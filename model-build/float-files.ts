// Float graphs of a model directory in memory: what float-directory.ts writes into a folder, for a browser,
// which has none.

import { SourceError } from '../core/errors.ts';
import type { ManifestFloatGraphs } from '../core/manifest.ts';
import type { ModelFiles } from '../core/ports.ts';
import { dequantisedGraphs, type FloatPrecision } from './dequantised-graphs.ts';
import { listGraphFiles } from './list-graph-files.ts';
import { readModel } from './read-model.ts';

export interface FloatFiles {
  readonly graphs: ManifestFloatGraphs;
  /**
   * Gives each file once and drops it: they hold four times the bytes of the int8 weights. Another file, or one
   * for the second time, is a SourceError.
   */
  readonly files: ModelFiles;
}

/** Throws ModelError, SourceError. */
export async function makeFloatFiles(files: ModelFiles, precision: FloatPrecision): Promise<FloatFiles> {
  const graphs = dequantisedGraphs((await readModel(files)).network, precision);
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
        if (!held.delete(file) || bytes === undefined) {
          throw new SourceError(
            'missing_file',
            `Expected a float graph's file, not yet taken, but found ${file}.`,
          );
        }
        return (async function* () {
          yield bytes;
        })();
      },
      sha256: files.sha256,
    },
  };
}
