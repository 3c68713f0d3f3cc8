import { createWinogradEngine } from '../../engine/winograd/engine.ts';
import { testEngine } from './engine-contract.ts';
import { winogradKernel } from './winograd-kernel.ts';

const kernel = winogradKernel();

testEngine('winograd', (manifest, files) =>
  createWinogradEngine({ manifest, files, kernel, now: () => performance.now() }),
);
