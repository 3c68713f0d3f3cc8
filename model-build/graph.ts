// A computation graph as plain data, between the layers (int8-graph.ts, float-graph.ts) and the file
// (onnx-writer.ts). Operators are ONNX's: https://onnx.ai/onnx/operators/

export type DataType = 'float32' | 'float16' | 'int8' | 'uint8' | 'int32' | 'int64';

/** An attribute of a node; numbers are integers. */
export type Attribute = number | string | readonly number[];

export interface GraphNode {
  readonly operator: string;
  readonly inputs: readonly string[];
  readonly output: string;
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** A small constant stored in the graph itself. Values fit its type; a scalar has shape []. */
export interface Constant {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly number[];
  readonly values: readonly number[];
}

/** A weight tensor, stored in a shard. */
export interface WeightTensor {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly number[];
  /** Little-endian, row-major. */
  readonly bytes: Uint8Array;
}

/** An input or output; a string is a symbolic dimension. */
export interface Port {
  readonly name: string;
  readonly type: DataType;
  readonly shape: readonly (number | string)[];
}

export interface Graph {
  readonly name: string;
  readonly inputs: readonly Port[];
  readonly outputs: readonly Port[];
  readonly nodes: readonly GraphNode[];
  readonly constants: readonly Constant[];
  readonly weights: readonly WeightTensor[];
}

type WeightValues = Float32Array | Float16Array | Int32Array | Int8Array | Uint8Array;

/** The symbolic first dimension of every input and output. */
export const BATCH = 'images';

/** Collects nodes in order; each method returns the name of the value it makes. */
export class GraphBuilder {
  readonly #name: string;
  readonly #inputs: Port[] = [];
  readonly #outputs: Port[] = [];
  readonly #nodes: GraphNode[] = [];
  readonly #constants = new Map<string, Constant>();
  readonly #weights: WeightTensor[] = [];

  constructor(name: string) {
    this.#name = name;
  }

  input(name: string, type: DataType, shape: readonly (number | string)[]): string {
    this.#inputs.push({ name, type, shape });
    return name;
  }

  output(name: string, type: DataType, shape: readonly (number | string)[]): void {
    this.#outputs.push({ name, type, shape });
  }

  /** Adds a node whose output is called `output`. */
  node(
    operator: string,
    inputs: readonly string[],
    output: string,
    attributes: Readonly<Record<string, Attribute>> = {},
  ): string {
    this.#nodes.push({ operator, inputs, output, attributes });
    return output;
  }

  constant(name: string, type: DataType, shape: readonly number[], values: readonly number[]): string {
    this.#constants.set(name, { name, type, shape, values });
    return name;
  }

  scalar(name: string, type: DataType, value: number): string {
    return this.constant(name, type, [], [value]);
  }

  weight(name: string, shape: readonly number[], values: WeightValues): string {
    const bytes = new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    this.#weights.push({ name, type: typeOf(values), shape, bytes });
    return name;
  }

  build(): Graph {
    return {
      name: this.#name,
      inputs: this.#inputs,
      outputs: this.#outputs,
      nodes: this.#nodes,
      constants: [...this.#constants.values()],
      weights: this.#weights,
    };
  }
}

function typeOf(values: WeightValues): DataType {
  if (values instanceof Int8Array) return 'int8';
  if (values instanceof Uint8Array) return 'uint8';
  if (values instanceof Int32Array) return 'int32';
  return values instanceof Float32Array ? 'float32' : 'float16';
}
