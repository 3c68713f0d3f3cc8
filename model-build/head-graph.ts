// The quantised linear layers → ONNX nodes, for the edge: features → fc6, fc7, scores.

import { featuresDim } from '../core/family.ts';
import { tapOfLinear } from '../core/taps.ts';
import { BATCH, type Graph, GraphBuilder } from './graph.ts';
import { int4Product } from './int4-graph.ts';
import { type Digit, joinDigits, levelDigits } from './level-digits.ts';
import type { Int8Linear, QuantisedLinear, QuantisedNetwork } from './network.ts';
import { storedPieces } from './row-pieces.ts';

/** `features` float32 [images, channels × 49] → `fc6`, `fc7`, `scores`. */
export function quantisedHead(network: QuantisedNetwork): Graph {
  const { hiddenDim, outputDim } = network.configuration;
  const builder = new GraphBuilder('head');
  let value = builder.input('features', 'float32', [BATCH, featuresDim(network.configuration)]);
  for (const linear of network.linears) value = multiply(builder, value, linear);
  builder.output('fc6', 'float32', [BATCH, hiddenDim]);
  builder.output('fc7', 'float32', [BATCH, hiddenDim]);
  builder.output('scores', 'float32', [BATCH, outputDim]);
  return builder.build();
}

function multiply(builder: GraphBuilder, value: string, linear: QuantisedLinear): string {
  const { shape, bias } = linear;
  const { name, outputs } = shape;
  const last = tapOfLinear(name) ?? `${name}.output`;
  const scaled = bias === null ? last : `${name}.scaled`;
  if (linear.format === 'int8') int8Product(builder, value, linear, scaled);
  else int4Product(builder, value, linear, scaled);
  if (bias === null) return scaled;
  const biases = builder.weight(`${name}.bias`, [outputs], bias);
  const biased = builder.node('Add', [scaled, biases], shape.relu ? `${name}.biased` : last);
  return shape.relu ? builder.node('Relu', [biased], last) : biased;
}

/**
 * float32 [images, out]: W int8 [out, in] × x [in, images]. In this order the engine reads W in its stored
 * order and needs no rearranged copy.
 */
function int8Product(builder: GraphBuilder, value: string, linear: Int8Linear, output: string): string {
  const { name, outputs } = linear.shape;
  const pieces = addPieces(builder, linear);
  const digits = levelDigits(builder, value, name, linear.input);
  const products = digits.map((digit) => {
    const product = digits.length === 1 ? `${name}.product` : `${digit.bytes}.product`;
    return integerProduct(builder, pieces, digit, product);
  });
  const sums = joinDigits(builder, digits, products, `${name}.product`);
  const rows = builder.node('Transpose', [sums], `${name}.rows`, { perm: [1, 0] });
  const real = builder.node('Cast', [rows], `${name}.real`, { to: 1 });
  const scales = builder.weight(`${name}.scale`, [outputs], linear.scale);
  const factors = builder.node('Mul', [scales, `${name}.input_scale`], `${name}.factors`);
  return builder.node('Mul', [real, factors], output);
}

/** The matrix, in pieces of whole rows where one shard cannot hold it. */
function addPieces(builder: GraphBuilder, linear: Int8Linear): string[] {
  const { inputs } = linear.shape;
  return storedPieces(linear).map((piece) => {
    const rows = linear.weight.subarray(piece.start * inputs, (piece.start + piece.rows) * inputs);
    return builder.weight(piece.name, [piece.rows, inputs], rows);
  });
}

/** int32 [out, images] of a digit. */
function integerProduct(
  builder: GraphBuilder,
  pieces: readonly string[],
  { bytes, zeroPoint }: Digit,
  output: string,
): string {
  const columns = builder.node('Transpose', [bytes], `${bytes}.columns`, { perm: [1, 0] });
  if (pieces.length === 1) {
    return builder.node('MatMulInteger', [pieces[0] ?? '', columns, '', zeroPoint], output);
  }
  const products = pieces.map((piece, index) =>
    builder.node('MatMulInteger', [piece, columns, '', zeroPoint], `${output}.${index + 1}`),
  );
  return builder.node('Concat', products, output, { axis: 0 });
}
