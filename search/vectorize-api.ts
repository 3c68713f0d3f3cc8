// The part of Vectorize that the store uses, of an index and of an account. search/vectorize-account.ts gives
// it over HTTP, the Workers binding for an index that is bound, a stand-in in tests.

export type VectorizeMetadata = Record<string, string | number | boolean>;
export type VectorizeFilter = Record<
  string,
  { $in?: string[]; $gt?: number; $gte?: number; $lt?: number; $lte?: number }
>;

export interface VectorizeVector {
  readonly id: string;
  readonly values: Float32Array | number[];
  readonly metadata: VectorizeMetadata;
}

/** As the Workers binding has it. */
export interface VectorizeData {
  describe(): Promise<{ readonly vectorCount: number }>;
  upsert(vectors: VectorizeVector[]): Promise<unknown>;
  getByIds(ids: string[]): Promise<readonly VectorizeVector[]>;
  deleteByIds(ids: string[]): Promise<unknown>;
  query(
    vector: number[],
    options: { topK: number; returnMetadata: 'all' | 'none'; filter?: VectorizeFilter },
  ): Promise<{
    readonly matches: readonly {
      readonly id: string;
      readonly score: number;
      readonly metadata?: VectorizeMetadata;
    }[];
  }>;
}

export interface MetadataIndex {
  readonly propertyName: string;
  readonly indexType: 'string' | 'number';
}

/** The account's indexes. `description` is where an index keeps its space. */
export interface VectorizeAccount {
  list(): Promise<readonly { readonly name: string; readonly description: string }[]>;
  create(
    name: string,
    dimensions: number,
    description: string,
    indexes: readonly MetadataIndex[],
  ): Promise<void>;
  delete(name: string): Promise<void>;
  data(name: string): VectorizeData;
}
