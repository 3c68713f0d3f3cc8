// onnxruntime-web's WASM, started from a module that was compiled beforehand: Workers forbid compiling
// bytes at run time, and in Node the same path keeps one way of starting.

import * as ort from 'onnxruntime-web/wasm';
import { ModelError } from '../../core/errors.ts';
import { createTurns, type Turns } from '../../core/turns.ts';

/** The compiled `onnxruntime-web/ort-wasm-simd-threaded.wasm`. */
export type OrtModule = WebAssembly.Module;

/** A shard as the graph's external data refers to it. */
export interface ExternalData {
  readonly path: string;
  readonly data: Uint8Array;
}

/**
 * onnxruntime-web has one WASM instance, one heap and one table of mounted files per realm, whatever
 * number of engines: so its turns and its memory stand here, once.
 */
const turns: Turns = createTurns();
let memory: WebAssembly.Memory | undefined;

/** Loading sessions and running them: one at a time, for the mounted files and the heap are shared. */
export const ortTurns: Turns = turns;

/** Bytes of the WASM heap; it grows, and never shrinks. 0 before the first session. */
export function ortMemoryBytes(): number {
  return memory?.buffer.byteLength ?? 0;
}

/**
 * A session for the graph. To be called within `ortTurns`. The shards' arrays may be dropped afterwards.
 * Throws ModelError.
 */
export async function createSession(
  wasm: OrtModule,
  graph: Uint8Array,
  externalData: readonly ExternalData[],
): Promise<ort.InferenceSession> {
  const create = () =>
    ort.InferenceSession.create(graph, {
      executionProviders: ['wasm'],
      externalData: [...externalData],
      // Buffers that are freed after use instead of kept in an arena or planned ahead: measured on VGG11
      // with its head, 62 MB of WASM memory instead of 78, at the same speed.
      enableCpuMemArena: false,
      enableMemPattern: false,
      logSeverityLevel: 3,
      extra: {
        // Packing the weights would hold them twice.
        session: { disable_prepacking: '1' },
        // Folding would unpack 4-bit weights when the graph is loaded, to four times their size.
        optimization: { disable_specified_optimizers: 'ConstantFolding' },
      },
    });
  try {
    return memory === undefined ? await whileStarting(wasm, create) : await create();
  } catch (cause) {
    throw ortError(cause, 'load the graph');
  }
}

/** What ORT throws → ModelError. Memory running out surfaces as a bare number: a C++ exception's address. */
export function ortError(cause: unknown, doing: string): ModelError {
  const outOfMemory =
    typeof cause === 'number' ||
    (cause instanceof Error && /bad_alloc|out of memory|OOM/i.test(cause.message));
  if (outOfMemory) {
    return new ModelError(
      'out_of_memory',
      `Memory ran out while onnxruntime-web tried to ${doing}, at ${ortMemoryBytes()} bytes of WASM memory.`,
      { cause },
    );
  }
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ModelError('engine_failed', `onnxruntime-web failed to ${doing}: ${reason}`, { cause });
}

/**
 * ORT instantiates its WASM from bytes when it starts, with the first session. These bytes are a
 * placeholder, and the call that brings them is answered with the compiled module; any other call of
 * `WebAssembly.instantiate` meanwhile passes through.
 */
async function whileStarting<T>(wasm: OrtModule, start: () => Promise<T>): Promise<T> {
  const placeholder = new ArrayBuffer(8);
  ort.env.wasm.wasmBinary = placeholder;
  ort.env.wasm.numThreads = 1;
  ort.env.logLevel = 'error';
  const instantiate = WebAssembly.instantiate;
  const answer = async (source: unknown, imports?: WebAssembly.Imports) => {
    if (!(ArrayBuffer.isView(source) && source.buffer === placeholder)) {
      return Reflect.apply(instantiate, WebAssembly, [source, imports]);
    }
    memory = Object.values(imports ?? {})
      .flatMap((module) => Object.values(module))
      .find((value) => value instanceof WebAssembly.Memory);
    return { module: wasm, instance: await instantiate(wasm, imports) };
  };
  Reflect.set(WebAssembly, 'instantiate', answer);
  try {
    return await start();
  } finally {
    Reflect.set(WebAssembly, 'instantiate', instantiate);
  }
}
