// A linear layer with 4-bit weights → ONNX nodes that unpack the shard's own bytes as they multiply, a piece of
// rows at a time. Integer sums per group, as our kernel's; the groups add up in float32.
//
// A runtime must not fold constants (optimiser ConstantFolding), or it unpacks all of them when it loads.

import type { GraphBuilder } from './graph.ts';
import { type Digit, joinDigits, levelDigits } from './level-digits.ts';
import type { Int4Linear } from './network.ts';
import { type RowPiece, storedPieces } from './row-pieces.ts';

const FLOAT32 = 1;

/** A digit of the input as the two nibbles of a byte meet it: uint8 [groups, group ÷ 2, images] each. */
interface GroupedDigit extends Digit {
  readonly even: string;
  readonly odd: string;
}

/** float32 [images, out] of `value` float32 [images, in]: Σ over groups of scale × integers, × input scale. */
export function int4Product(
  builder: GraphBuilder,
  value: string,
  linear: Int4Linear,
  output: string,
): string {
  const { name, outputs } = linear.shape;
  const groups = linear.scale.length / outputs;
  const digits = levelDigits(builder, padInputs(builder, value, linear), name, linear.input).map((digit) =>
    groupDigit(builder, digit, linear.group, groups),
  );
  const stored = builder.weight(`${name}.scale`, [outputs, groups], linear.scale);
  const scales = builder.node('Transpose', [stored], `${name}.group_scales`, { perm: [1, 0] });
  const sums = storedPieces(linear).map((piece) => pieceSums(builder, linear, piece, digits, scales));
  const [only = '', ...others] = sums;
  const all = others.length === 0 ? only : builder.node('Concat', sums, `${name}.sums`, { axis: 0 });
  const rows = builder.node('Transpose', [all], `${name}.rows`, { perm: [1, 0] });
  return builder.node('Mul', [rows, `${name}.input_scale`], output);
}

/** Zeros up to a whole number of groups. */
function padInputs(builder: GraphBuilder, value: string, { shape, scale, group }: Int4Linear): string {
  const missing = (scale.length / shape.outputs) * group - shape.inputs;
  if (missing === 0) return value;
  const pads = builder.constant(`${shape.name}.pads`, 'int64', [4], [0, 0, 0, missing]);
  return builder.node('Pad', [value, pads], `${shape.name}.padded`);
}

function groupDigit(builder: GraphBuilder, digit: Digit, group: number, groups: number): GroupedDigit {
  const { bytes } = digit;
  const sizes = builder.constant(`${bytes}.sizes`, 'int64', [4], [0, groups, group / 2, 2]);
  const grouped = builder.node('Reshape', [bytes, sizes], `${bytes}.grouped`);
  const columns = builder.node('Transpose', [grouped], `${bytes}.columns`, { perm: [3, 1, 2, 0] });
  const half = (part: 'even' | 'odd') => {
    const index = builder.scalar(`int4.${part}`, 'int64', part === 'even' ? 0 : 1);
    return builder.node('Gather', [columns, index], `${bytes}.${part}`, { axis: 0 });
  };
  return { ...digit, even: half('even'), odd: half('odd') };
}

/** float32 [rows, images] of one piece; `scales` is float32 [groups, out]. */
function pieceSums(
  builder: GraphBuilder,
  linear: Int4Linear,
  { name, start, rows }: RowPiece,
  digits: readonly GroupedDigit[],
  scales: string,
): string {
  const { group, weight } = linear;
  const groups = linear.scale.length / linear.shape.outputs;
  const rowBytes = (groups * group) / 2;
  const bytes = weight.subarray(start * rowBytes, (start + rows) * rowBytes);
  const packed = builder.weight(name, [rows, groups, group / 2], bytes);
  // Groups first: an integer product per group.
  const columns = builder.node('Transpose', [packed], `${name}.columns`, { perm: [1, 0, 2] });
  const bits = builder.scalar('int4.bits', 'uint8', 4);
  const raised = builder.node('BitShift', [columns, bits], `${name}.raised`, { direction: 'LEFT' });
  const low = builder.node('BitShift', [raised, bits], `${name}.low`, { direction: 'RIGHT' });
  const high = builder.node('BitShift', [columns, bits], `${name}.high`, { direction: 'RIGHT' });
  const zero = builder.scalar('int4.zero_point', 'uint8', 8);
  const products = digits.map(({ bytes: digit, zeroPoint, even, odd }) => {
    const evens = builder.node('MatMulInteger', [low, even, zero, zeroPoint], `${name}.${digit}.evens`);
    const odds = builder.node('MatMulInteger', [high, odd, zero, zeroPoint], `${name}.${digit}.odds`);
    return builder.node('Add', [evens, odds], `${name}.${digit}.product`);
  });
  const integers = joinDigits(builder, digits, products, `${name}.product`);
  const real = builder.node('Cast', [integers], `${name}.real`, { to: FLOAT32 });
  const scaled = builder.node(
    'Mul',
    [real, pieceScales(builder, scales, name, start, rows)],
    `${name}.scaled`,
  );
  const axes = builder.constant('int4.groups', 'int64', [1], [0]);
  return builder.node('ReduceSum', [scaled, axes], `${name}.sums`, { keepdims: 0 });
}

/** float32 [groups, rows, 1] */
function pieceScales(
  builder: GraphBuilder,
  scales: string,
  name: string,
  start: number,
  rows: number,
): string {
  const first = builder.constant(`${name}.first`, 'int64', [1], [start]);
  const end = builder.constant(`${name}.end`, 'int64', [1], [start + rows]);
  const axis = builder.constant('int4.rows', 'int64', [1], [1]);
  const sliced = builder.node('Slice', [scales, first, end, axis], `${name}.scales`);
  const last = builder.constant('int4.images', 'int64', [1], [2]);
  return builder.node('Unsqueeze', [sliced, last], `${name}.columns_scales`);
}
