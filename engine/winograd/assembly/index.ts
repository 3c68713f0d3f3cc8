// What the engine calls (kernel.ts declares it for TypeScript).

export { arrangeWeights, weightBound } from './arrange';
export { convolve } from './convolve';
export { multiplyInt8, quantise } from './linear';
export { arrangeLevels, multiplyInt4 } from './linear-int4';
export { maxPool } from './map';
export { poolFeatures, readPixels } from './pixels';
