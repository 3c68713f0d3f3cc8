// Named weight tensors as the readers give them and model-build consumes them.

/** Description of a tensor in a weight file, before its bytes are read. */
export interface TensorInfo {
  readonly name: string;
  readonly shape: readonly number[];
  /** As stored; values are always given as float32. */
  readonly dtype: 'float32' | 'float16' | 'bfloat16';
}

/**
 * A weight file opened for reading: the index is in memory, values are read tensor by tensor.
 * Every reader has checked each tensor's byte range against the file before it returns one of these.
 */
export interface TensorFile {
  readonly format: 'torch-zip' | 'torch-legacy' | 'safetensors';
  readonly tensors: ReadonlyMap<string, TensorInfo>;
  /** Tensors of other types, which no layer reads (`num_batches_tracked` is int64): name → its type. */
  readonly skipped: ReadonlyMap<string, string>;
  /** The values, contiguous and row-major, widened to float32. Throws InputError naming the tensor. */
  read(name: string): Promise<Float32Array>;
  close(): Promise<void>;
}
