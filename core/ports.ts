// The ports: what the embedder needs from a runtime. Adapters stand in engine/, worker/ and runner/.

import type { ImageLimits, RgbImage } from './image.ts';
import type { Tap, TapOutputs } from './taps.ts';
import type { Turns } from './turns.ts';

/** Encoded bytes → pixels. Throws InputError for anything that is not a decodable image. */
export interface ImageDecoder {
  /**
   * `shortSide` is the short side in pixels that preprocessing will resize to. With it a large JPEG comes
   * at 1/2, 1/4 or 1/8 of its size (core/jpeg-scale.ts), the same in every runtime; without it an image
   * comes at full size, as a crop box in pixels needs it.
   */
  decode(bytes: Uint8Array, limits: ImageLimits, shortSide?: number): Promise<RgbImage>;
  /**
   * Where memory is short: the turns in which images become the network's input, so that no picture is decoded
   * beside another one's pixels (core/prepare-image.ts).
   */
  readonly turns?: Turns;
}

/** A batch of preprocessed images: uint8 RGB, [images, size, size, 3] row-major. */
export interface ImageBatch {
  readonly images: number;
  /** Side of the square crop in pixels. */
  readonly size: number;
  /** images × size × size × 3 bytes. */
  readonly data: Uint8Array;
}

/** Time spent in the parts of one run, milliseconds. */
export interface EngineTimes {
  readonly backbone: number;
  readonly head: number;
}

export interface EngineRun {
  readonly outputs: TapOutputs;
  readonly times: EngineTimes;
}

/**
 * Runs the network. One run at a time; the head is loaded by the first run that needs it.
 * Throws ModelError when the model is wrong or memory runs out, SourceError when a shard cannot be
 * fetched (the next run tries again).
 */
export interface Engine {
  /** Reported in answers: `onnxruntime-web`, `onnxruntime-webgpu`, `onnxruntime-node`, `winograd`. */
  readonly name: string;
  readonly precision: 'int8' | 'fp16' | 'fp32';
  run(batch: ImageBatch, taps: readonly Tap[]): Promise<EngineRun>;
  /** Bytes of WASM or native memory held for the model now; 0 where the runtime does not tell. */
  memoryBytes(): number;
  dispose(): Promise<void>;
}

/** A running SHA-256. */
export interface Digest {
  update(bytes: Uint8Array): void | Promise<void>;
  /** Lower-case hex; no update may follow. */
  hex(): Promise<string>;
}

/** The files of one model directory, wherever they lie (static assets, disk, R2). */
export interface ModelFiles {
  /** The file's bytes. `file` is a plain name without folders. Throws SourceError. */
  open(file: string): Promise<AsyncIterable<Uint8Array>>;
  sha256(): Digest;
}
