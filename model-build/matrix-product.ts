// Products of large float32 matrices by onnxruntime-node, which has a BLAS of its own: what factorising and
// 4-bit quantising of a classifier take minutes for without.

import { writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type GraphSession, openGraphSession } from '../engine/node/graph-session.ts';
import { GraphBuilder } from './graph.ts';
import { writeOnnx } from './onnx-writer.ts';
import { temporaryFolder } from './temporary-folder.ts';

/** Row-major. */
export interface Matrix {
  readonly rows: number;
  readonly columns: number;
  readonly values: Float32Array;
}

export interface MatrixProducts extends AsyncDisposable {
  /** A · B */
  multiply(a: Matrix, b: Matrix): Promise<Matrix>;
  /** A · Bᵀ */
  multiplyTransposed(a: Matrix, b: Matrix): Promise<Matrix>;
  /** Aᵀ · B */
  transposedMultiply(a: Matrix, b: Matrix): Promise<Matrix>;
}

const FORMS = ['multiply', 'multiplyTransposed', 'transposedMultiply'] as const;
type Form = (typeof FORMS)[number];

/** Throws ModelError where the runtime fails. */
export async function openMatrixProducts(): Promise<MatrixProducts> {
  await using opening = new AsyncDisposableStack();
  const folder = opening.use(await temporaryFolder());
  const sessions = new Map<Form, GraphSession>();
  for (const form of FORMS) {
    const path = join(folder.path, `${form}.onnx`);
    await writeFile(path, productGraph(form));
    sessions.set(
      form,
      opening.adopt(await openGraphSession(path), (session) => session.close()),
    );
  }
  const opened = opening.move();
  const run = async (form: Form, a: Matrix, b: Matrix): Promise<Matrix> => {
    const inputs = { a: graphValue(a), b: graphValue(b) };
    const values = (await sessions.get(form)?.run(inputs, ['product']))?.product;
    const [rows = 0, columns = 0] = values?.shape ?? [];
    if (values?.data instanceof Float32Array) return { rows, columns, values: values.data };
    throw new TypeError('Expected a float32 matrix as the product.');
  };
  return {
    multiply: (a, b) => run('multiply', a, b),
    multiplyTransposed: (a, b) => run('multiplyTransposed', a, b),
    transposedMultiply: (a, b) => run('transposedMultiply', a, b),
    [Symbol.asyncDispose]: () => opened.disposeAsync(),
  };
}

function graphValue({ rows, columns, values }: Matrix) {
  return { data: values, shape: [rows, columns] };
}

function productGraph(form: Form): Uint8Array {
  const builder = new GraphBuilder(form);
  const a = builder.input('a', 'float32', ['m', 'k']);
  const b = builder.input('b', 'float32', ['n', 'l']);
  const transposed = {
    transA: Number(form === 'transposedMultiply'),
    transB: Number(form === 'multiplyTransposed'),
  };
  builder.node('Gemm', [a, b], 'product', transposed);
  builder.output('product', 'float32', ['r', 'c']);
  return writeOnnx(builder.build(), { placements: new Map(), files: [] });
}
