// The part of hnswlib-node (github.com/yoshoku/hnswlib-node) that the benchmark uses: the package is not
// installed with the others.
declare module 'hnswlib-node' {
  class HierarchicalNSW {
    constructor(space: 'l2' | 'ip' | 'cosine', dimensions: number);
    initIndex(maxElements: number, m?: number, efConstruction?: number): void;
    addPoint(point: number[], label: number): void;
    setEf(ef: number): void;
    searchKnn(query: number[], count: number): { distances: number[]; neighbors: number[] };
    writeIndexSync(path: string): void;
    readIndexSync(path: string): void;
  }
  const library: { HierarchicalNSW: typeof HierarchicalNSW };
  export default library;
}
