import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { KERNEL_BYTES, startKernel } from '../../engine/winograd/kernel.ts';
import { compileKernel } from '../../scripts/build-kernel.ts';
import { KERNEL_PATH, winogradKernel } from './winograd-kernel.ts';

const committed = new Uint8Array(readFileSync(KERNEL_PATH));

test('the committed kernel is what its source compiles to (else: npm run build:kernel)', async () => {
  expect(Buffer.compare(await compileKernel(), committed)).toBe(0);
});

test('is small enough for any Worker', () => {
  expect(committed.length).toBeLessThan(100_000);
});

test('needs nothing but a memory, and no more of it for itself than its one page', async () => {
  const kernel = winogradKernel();
  const memory = new WebAssembly.Memory({ initial: KERNEL_BYTES / 65_536 });
  await expect(startKernel(kernel, memory)).resolves.toBeDefined();
});

test('another module is refused by what it lacks', async () => {
  const empty = new WebAssembly.Module(Uint8Array.of(0, 97, 115, 109, 1, 0, 0, 0));
  const memory = new WebAssembly.Memory({ initial: 1 });
  await expect(startKernel(empty, memory)).rejects.toThrow('Expected a function');
});
