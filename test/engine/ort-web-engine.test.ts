import { expect, test } from 'vitest';
import { createOrtWebEngine } from '../../engine/edge/engine.ts';
import { ortError } from '../../engine/edge/ort-runtime.ts';
import { compileOrtWebWasm } from '../../engine/node/ort-web-wasm.ts';
import { testEngine } from './engine-contract.ts';

const wasm = await compileOrtWebWasm();

testEngine('onnxruntime-web', (manifest, files) =>
  createOrtWebEngine({ manifest, files, wasm, now: () => performance.now() }),
);

test.each([
  ['a bare number, the address of a C++ exception', 4_718_592, 'out_of_memory'],
  ['std::bad_alloc in words', new Error('Exception: std::bad_alloc'), 'out_of_memory'],
  [
    'a RangeError of a growing memory',
    new RangeError('WebAssembly.Memory.grow(): out of memory'),
    'out_of_memory',
  ],
  ['any other failure', new Error('ERROR_CODE: 7, Protobuf parsing failed'), 'engine_failed'],
  ['something that is no error', 'aborted', 'engine_failed'],
])('%s becomes a ModelError', (_, thrown, code) => {
  const error = ortError(thrown, 'run the graph');
  expect(error).toMatchObject({ name: 'ModelError', code, cause: thrown });
  expect(error.message).toContain('run the graph');
});
