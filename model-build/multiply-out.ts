// A network with factorised linear layers → the same function with full-size ones: what full-size classifiers are
// tried on where only factors were trained.

import { linearShapes } from '../core/family.ts';
import type { MatrixProducts } from './matrix-product.ts';
import type { FloatLinear, FloatNetwork } from './network.ts';

/** A network without factors comes back as it is. */
export async function multiplyOut(network: FloatNetwork, products: MatrixProducts): Promise<FloatNetwork> {
  const configuration = { ...network.configuration, ranks: { fc6: null, fc7: null } };
  const find = (name: string) => network.linears.find(({ shape }) => shape.name === name);
  const linears: FloatLinear[] = [];
  for (const shape of linearShapes(configuration)) {
    const [whole, down, up] = [find(shape.name), find(`${shape.name}.down`), find(`${shape.name}.up`)];
    if (whole !== undefined) linears.push(whole);
    else if (down !== undefined && up !== undefined) {
      const rank = down.shape.outputs;
      const left = { rows: shape.outputs, columns: rank, values: up.weight };
      const right = { rows: rank, columns: shape.inputs, values: down.weight };
      linears.push({ shape, weight: (await products.multiply(left, right)).values, bias: up.bias });
    }
  }
  return { ...network, configuration, linears };
}
