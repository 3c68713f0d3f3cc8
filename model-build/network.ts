// The network in memory between the stages of a build: in floats as the weights came, and quantised.

import type { ConvolutionShape, LinearShape, VggConfiguration } from '../core/family.ts';
import type { Int4Group } from '../core/manifest.ts';

/** What the network's input is before the first convolution: sizes in pixels, mean and deviation of 0…1. */
export interface InputContract {
  /** The short side after resizing. */
  readonly resize: number;
  /** Side of the square crop: the network's input. */
  readonly crop: number;
  /** Per channel R, G, B. */
  readonly mean: readonly [number, number, number];
  readonly deviation: readonly [number, number, number];
}

/** torchvision's contract: short side 256, crop 224, ImageNet's mean and deviation. */
export const TORCHVISION_INPUT: InputContract = {
  resize: 256,
  crop: 224,
  mean: [0.485, 0.456, 0.406],
  deviation: [0.229, 0.224, 0.225],
};

/** A convolution with its batch norm folded in. */
export interface FloatConvolution {
  readonly shape: ConvolutionShape;
  /** [out, in, 3, 3] */
  readonly weight: Float32Array;
  /** [out] */
  readonly bias: Float32Array;
}

export interface FloatLinear {
  readonly shape: LinearShape;
  /** [out, in] */
  readonly weight: Float32Array;
  /** [out], where the shape has one. */
  readonly bias: Float32Array | null;
}

export interface FloatNetwork {
  readonly configuration: VggConfiguration;
  readonly input: InputContract;
  readonly convolutions: readonly FloatConvolution[];
  readonly linears: readonly FloatLinear[];
}

/** Levels of an activation: value = scale × (q − zeroPoint), q in lowest…highest. The scale is a float32 value. */
export interface Levels {
  readonly scale: number;
  readonly zeroPoint: number;
  readonly lowest: number;
  readonly highest: number;
}

export interface QuantisedConvolution {
  readonly shape: ConvolutionShape;
  /** [out, in, 3, 3] */
  readonly weight: Int8Array;
  /** [out], of the weights */
  readonly scale: Float32Array;
  /** [out], in units of input scale × weight scale */
  readonly bias: Int32Array;
  /** uint8 */
  readonly input: Levels;
  /** uint8, zero point 0: the clamp is the ReLU. */
  readonly output: Levels;
}

export interface Int8Linear {
  readonly format: 'int8';
  readonly shape: LinearShape;
  /** [out, in] */
  readonly weight: Int8Array;
  /** [out], of the weights */
  readonly scale: Float32Array;
  readonly bias: Float32Array | null;
  readonly input: Levels;
}

/** weight = scale × (nibble − 8); inputs are padded to whole groups. */
export interface Int4Linear {
  readonly format: 'int4';
  readonly shape: LinearShape;
  /** Inputs per scale. */
  readonly group: Int4Group;
  /** [out, groups, group ÷ 2], the even input in the low nibble */
  readonly weight: Uint8Array;
  /** [out, groups] */
  readonly scale: Float32Array;
  readonly bias: Float32Array | null;
  readonly input: Levels;
}

export type QuantisedLinear = Int8Linear | Int4Linear;

export interface QuantisedNetwork {
  readonly configuration: VggConfiguration;
  readonly input: InputContract;
  readonly convolutions: readonly QuantisedConvolution[];
  readonly linears: readonly QuantisedLinear[];
}
