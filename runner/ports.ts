// The runner's ports: where encoded images come from and where their vectors go. Adapters stand in
// runner/sources/ and runner/outputs/; runner/ itself knows no format.

import type { VectorDtype } from '../core/quantise-vector.ts';
import type { Metadata, VectorSpace } from '../core/vector-store.ts';

/** One encoded image of a source, not yet read. Plain data: another machine can read it from this alone. */
export interface SourceItem {
  /** Unique within the source, 1 to 512 bytes of UTF-8, `/` between folders. */
  readonly id: string;
  /** Where the bytes lie, in the source's own words: a path, a URL, a file with offset and length. */
  readonly location: string;
  /** Carried to the output: the other columns of a list, the labels of a webdataset. */
  readonly metadata: Metadata;
}

export interface Source {
  /** For messages and the run's record: `photos/`, `s3://bucket/prefix`. */
  readonly name: string;
  /**
   * Every item, in an order that stays while the source does; a source that cannot be listed throws
   * InputError (wrong) or SourceError (unreachable). Memory does not grow with the number of items.
   */
  list(): AsyncIterable<SourceItem>;
  /**
   * The item's bytes. Throws InputError('image_too_large') beyond `maxBytes`, before holding more than
   * that, and SourceError where trying again may help.
   */
  read(item: SourceItem, maxBytes: number): Promise<Uint8Array>;
  close(): Promise<void>;
}

export interface OutputRow {
  readonly id: string;
  /** `space.dimensions` values, before `dtype`. */
  readonly vector: Float32Array;
  /** Of the encoded image, lower-case hex: an unchanged image need not be embedded again. */
  readonly sha256: string;
  readonly metadata: Metadata;
}

/** One shard of the output, being written. */
export interface ShardWriter {
  /** In the order of the source. */
  write(rows: readonly OutputRow[]): Promise<void>;
  /** Completes the shard's files, or its writes to a store. Nothing may follow. */
  finish(): Promise<void>;
  /** Gives up: frees what is held. The files stay for whoever owns the folder to remove. */
  abandon(): Promise<void>;
}

/** An output format, or a vector store. The bytes of a shard depend on its rows alone. */
export interface Output {
  /**
   * Begins the shard `name` (`shard-00001`). Files go into `folder` as `<name>.<ending>`; the caller syncs
   * them and moves them to their place once `finish` has resolved. A store's writes replace those of an
   * earlier try.
   */
  begin(folder: string, name: string): Promise<ShardWriter>;
  /** Takes no vector of zeros: it points nowhere, and a search by cosine cannot find it. */
  readonly refusesZeros: boolean;
  close(): Promise<void>;
}

export interface OutputOptions {
  readonly space: VectorSpace;
  /** How the values of a vector are written. */
  readonly dtype: VectorDtype;
}
