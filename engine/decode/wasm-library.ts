// A C library compiled to WASM, called without generated glue: functions, memory, byte copies.

import { ModelError } from '../../core/errors.ts';

type Imports = Record<string, Record<string, (...args: number[]) => number>>;

/** One instance. Addresses are byte offsets into its memory. */
export interface WasmLibrary {
  /** Calls the exported function `name`. */
  call(name: string, ...args: number[]): number;
  /** Allocates; throws ModelError `out_of_memory`. */
  allocate(bytes: number): number;
  free(address: number): void;
  /** A view; growing the memory detaches it, so take a new one after every call. */
  view(address: number, bytes: number): Uint8Array<ArrayBuffer>;
  heapBytes(): number;
}

/**
 * Throws ModelError `engine_failed` when the module is not the expected library. `imports` may use the
 * library's memory once it is running.
 */
export function instantiate(module: WebAssembly.Module, imports: Imports): WasmLibrary {
  const { exports } = new WebAssembly.Instance(module, imports);
  const memory = exports.memory;
  if (!(memory instanceof WebAssembly.Memory)) throw missing('memory');
  const call = (name: string, ...args: number[]): number => {
    const exported = exports[name];
    if (typeof exported !== 'function') throw missing(name);
    return Number(exported(...args));
  };
  return {
    call,
    allocate: (bytes) => {
      const address = call('malloc', bytes) >>> 0;
      if (address === 0) {
        throw new ModelError('out_of_memory', `The image decoder could not allocate ${bytes} bytes.`);
      }
      return address;
    },
    free: (address) => {
      call('free', address);
    },
    view: (address, bytes) => new Uint8Array(memory.buffer, address, bytes),
    heapBytes: () => memory.buffer.byteLength,
  };
}

/** System calls the libraries are linked against and never make while decoding. */
export function refusedSystemCalls(...names: string[]): Record<string, () => number> {
  return Object.fromEntries(
    names.map((name) => [
      name,
      () => {
        throw new ModelError('engine_failed', `The image decoder made the system call ${name}.`);
      },
    ]),
  );
}

function missing(name: string): ModelError {
  return new ModelError('engine_failed', `Expected the decoder's WASM to export ${name} but it does not.`);
}
