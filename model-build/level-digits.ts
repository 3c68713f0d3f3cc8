// The float32 input of a quantised layer → ONNX nodes that give its integer levels as bytes: 8-bit levels as they
// are, levels of up to 16 bits as two digits. Integer products of bytes are what runtimes have.

import type { GraphBuilder } from './graph.ts';
import type { Levels } from './network.ts';

/** Bytes of a layer's input: level − zero point = Σ over the digits of weight × (byte − zero point). */
export interface Digit {
  /** uint8, the shape of the input. */
  readonly bytes: string;
  /** uint8 scalar. */
  readonly zeroPoint: string;
  /** 1 or 256. */
  readonly weight: number;
}

/** The digits of `value`, the most significant first. Adds `<name>.input_scale`. */
export function levelDigits(builder: GraphBuilder, value: string, name: string, levels: Levels): Digit[] {
  if (levels.highest <= 255) {
    const bytes = toLevels(builder, value, name, levels);
    return [{ bytes, zeroPoint: `${name}.input_zero_point`, weight: 1 }];
  }
  return signedDigits(builder, value, name, levels);
}

/** uint8 levels; adds `<name>.input_scale` and `<name>.input_zero_point`. */
export function toLevels(builder: GraphBuilder, value: string, name: string, levels: Levels): string {
  const scale = builder.scalar(`${name}.input_scale`, 'float32', levels.scale);
  const zeroPoint = builder.scalar(`${name}.input_zero_point`, 'uint8', levels.zeroPoint);
  return builder.node('QuantizeLinear', [value, scale, zeroPoint], `${name}.levels`);
}

/** q = 256 × high + low with digits −128…127, stored as uint8 around 128. */
function signedDigits(builder: GraphBuilder, value: string, name: string, input: Levels): Digit[] {
  const constant = (part: string, number: number) => builder.scalar(`digits.${part}`, 'float32', number);
  const half = constant('half', 128);
  const scale = builder.scalar(`${name}.input_scale`, 'float32', input.scale);
  const steps = builder.node('Div', [value, scale], `${name}.steps`);
  const rounded = builder.node('Round', [steps], `${name}.rounded`);
  const lowest = builder.scalar(`${name}.lowest`, 'float32', input.lowest);
  const highest = builder.scalar(`${name}.highest`, 'float32', input.highest);
  const levels = builder.node('Clip', [rounded, lowest, highest], `${name}.levels`);
  const shifted = builder.node('Add', [levels, half], `${name}.shifted`);
  const share = builder.node('Mul', [shifted, constant('share', 1 / 256)], `${name}.share`);
  const high = builder.node('Floor', [share], `${name}.high`);
  const above = builder.node('Mul', [high, constant('base', 256)], `${name}.above`);
  const low = builder.node('Sub', [levels, above], `${name}.low`);
  return [high, low].map((digits, index) => {
    const moved = builder.node('Add', [digits, half], `${digits}.moved`);
    const bytes = builder.node('Cast', [moved], `${digits}.bytes`, { to: 2 });
    const zeroPoint = builder.scalar('digits.zero_point', 'uint8', 128);
    return { bytes, zeroPoint, weight: index === 0 ? 256 : 1 };
  });
}

/** int32 Σ weight × product over the digits; `products` in their order. */
export function joinDigits(
  builder: GraphBuilder,
  digits: readonly Digit[],
  products: readonly string[],
  output: string,
): string {
  const [high = '', low] = products;
  if (low === undefined) return high;
  const base = builder.scalar('digits.integer_base', 'int32', digits[0]?.weight ?? 1);
  const raised = builder.node('Mul', [high, base], `${output}.raised`);
  return builder.node('Add', [raised, low], output);
}
