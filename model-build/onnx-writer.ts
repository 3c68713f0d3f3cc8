// A graph → the bytes of an .onnx file, through ONNX's own protobuf definitions. Weights are references
// into the shards (external data); the file itself has kilobytes.

import onnxProto from 'onnx-proto';
import type { Attribute, Constant, DataType, Graph, GraphNode, Port } from './graph.ts';
import type { Placement } from './shard.ts';

const { onnx } = onnxProto;
const { AttributeType } = onnx.AttributeProto;

/** The newest operator set that all operators used here need (QuantizeLinear 13), widely understood. */
const OPSET = 13;

const TYPES: Readonly<Record<DataType, number>> = {
  float32: 1,
  uint8: 2,
  int8: 3,
  int32: 6,
  int64: 7,
  float16: 10,
};

/** Where the writer's references point: by tensor name, and the file name of each shard by number. */
export interface WeightFiles {
  readonly placements: ReadonlyMap<string, Placement>;
  readonly files: readonly string[];
}

/** The file's bytes: the same graph gives the same bytes. */
export function writeOnnx(graph: Graph, weights: WeightFiles): Uint8Array {
  const model = {
    irVersion: onnx.Version.IR_VERSION_2020_5_8,
    producerName: 'vgg-edge',
    opsetImport: [{ domain: '', version: OPSET }],
    graph: {
      name: graph.name,
      node: graph.nodes.map(nodeProto),
      input: graph.inputs.map(portProto),
      output: graph.outputs.map(portProto),
      initializer: [
        ...graph.constants.map(constantProto),
        ...graph.weights.map(({ name }) => weightProto(name, weights)),
      ],
    },
  };
  return onnx.ModelProto.encode(model).finish();
}

function nodeProto({ operator, inputs, output, attributes }: GraphNode) {
  return {
    opType: operator,
    name: output,
    input: [...inputs],
    output: [output],
    attribute: Object.entries(attributes).map(([name, value]) => attributeProto(name, value)),
  };
}

function attributeProto(name: string, value: Attribute) {
  if (typeof value === 'string') {
    return { name, type: AttributeType.STRING, s: new TextEncoder().encode(value) };
  }
  if (typeof value === 'number') return { name, type: AttributeType.INT, i: value };
  return { name, type: AttributeType.INTS, ints: [...value] };
}

function portProto({ name, type, shape }: Port) {
  const dim = shape.map((side) => (typeof side === 'string' ? { dimParam: side } : { dimValue: side }));
  return { name, type: { tensorType: { elemType: TYPES[type], shape: { dim } } } };
}

function constantProto({ name, type, shape, values }: Constant) {
  return { name, dataType: TYPES[type], dims: [...shape], rawData: rawBytes(type, values) };
}

function rawBytes(type: DataType, values: readonly number[]): Uint8Array {
  switch (type) {
    case 'float32':
      return new Uint8Array(Float32Array.from(values).buffer);
    case 'float16':
      return new Uint8Array(Float16Array.from(values).buffer);
    case 'int32':
      return new Uint8Array(Int32Array.from(values).buffer);
    case 'int64':
      return new Uint8Array(BigInt64Array.from(values, BigInt).buffer);
    case 'int8':
      return new Uint8Array(Int8Array.from(values).buffer);
    case 'uint8':
      return Uint8Array.from(values);
  }
}

function weightProto(name: string, { placements, files }: WeightFiles) {
  const placement = placements.get(name);
  if (placement === undefined) throw new Error(`Tensor ${name} has no place in a shard.`);
  const { tensor, shard, offset } = placement;
  const entries = {
    location: files[shard] ?? '',
    offset: String(offset),
    length: String(tensor.bytes.length),
  };
  return {
    name,
    dataType: TYPES[tensor.type],
    dims: [...tensor.shape],
    dataLocation: onnx.TensorProto.DataLocation.EXTERNAL,
    externalData: Object.entries(entries).map(([key, value]) => ({ key, value })),
  };
}
