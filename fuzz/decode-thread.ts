// Decodes what the fuzzer sends, in a thread of its own: one that hangs can be ended from outside.

import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { parentPort } from 'node:worker_threads';
import { cropImage } from '../core/crop-box.ts';
import { InputError } from '../core/errors.ts';
import { preprocess } from '../core/preprocess.ts';
import { createEdgeDecoder } from '../engine/edge/decode.ts';

/** What became of one input: `ok`, the error's code and message without numbers, or `crash: …`. */
export type Verdict = { readonly outcome: string } | { readonly heldBytes: number };

export type Task = { readonly bytes: Uint8Array } | 'measure';

const SIZES = { resize: 256, crop: 224 };
const LIMITS = { maxBytes: 10 * 1024 * 1024, maxPixels: 4_000_000 };

const decoder = createEdgeDecoder({
  jpeg: compile('@cwasm/jpeg-turbo/jpeg-turbo.wasm'),
  webp: compile('@cwasm/webp/webp.wasm'),
});

setFlagsFromString('--expose-gc');
const collectGarbage: () => void = runInNewContext('gc');

parentPort?.on('message', async (task: Task) => {
  const verdict: Verdict = task === 'measure' ? { heldBytes: held() } : { outcome: await decode(task.bytes) };
  parentPort?.postMessage(verdict);
});

/** The path of a request: decoded for the network, or at full size for a crop box. */
async function decode(bytes: Uint8Array): Promise<string> {
  try {
    const image = await decoder.decode(bytes, LIMITS, SIZES.resize);
    if (image.data.length !== image.width * image.height * 3) return 'crash: pixels do not fit the size';
    preprocess([image], SIZES);
    image.release?.();
    const whole = await decoder.decode(bytes, LIMITS);
    preprocess([cropImage(whole, { unit: 'fractions', left: 0, top: 0, width: 1, height: 1 })], SIZES);
    whole.release?.();
    return 'ok';
  } catch (error) {
    if (error instanceof InputError) return `${error.code}: ${withoutNumbers(error.message)}`;
    return `crash: ${error instanceof Error ? error.stack : String(error)}`;
  }
}

/** Messages that differ only in sizes, places and bytes are one outcome. */
function withoutNumbers(message: string): string {
  return message
    .replace(/\b(?:\d+|[0-9a-f]{2})\b/g, 'N')
    .replace(/N(?:[ ,×]+N)+/g, 'N')
    .slice(0, 200);
}

/** After a collection: what stays for ever. */
function held(): number {
  collectGarbage();
  const { heapUsed, external } = process.memoryUsage();
  return heapUsed + external + decoder.heldBytes();
}

function compile(file: string): WebAssembly.Module {
  return new WebAssembly.Module(readFileSync(fileURLToPath(import.meta.resolve(file))));
}
