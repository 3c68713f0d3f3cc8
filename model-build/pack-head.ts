// A classifier with 4-bit weights where a form says so: each layer is rounded for what the stored layers before it
// give, so that it makes up for some of their error.

import type { Int4Group } from '../core/manifest.ts';
import { type Feedback, prepareFeedback } from './error-feedback.ts';
import { unpackInt4 } from './int4-weights.ts';
import { layerValues } from './layer-values.ts';
import type { Matrix, MatrixProducts } from './matrix-product.ts';
import type { FloatLinear, Int4Linear, Levels, QuantisedLinear } from './network.ts';
import { quantiseLinear } from './quantise.ts';
import { quantiseInt4 } from './quantise-int4.ts';

export interface LayerMaterial {
  readonly linear: FloatLinear;
  readonly input: Levels;
}

/** The group of a layer's 4-bit weights; null for int8. */
export type GroupOf = (name: string) => Int4Group | null;

/** Packs classifiers of the same layers, whose first one is looked into once. `samples`: inputs of the first layer. */
export class HeadPacker {
  readonly #layers: readonly LayerMaterial[];
  readonly #samples: Matrix;
  readonly #products: MatrixProducts;
  #first: Promise<Feedback> | undefined;
  /** The last first layer: forms that differ in later ones come one after the other. */
  #packed: Int4Linear | undefined;

  constructor(layers: readonly LayerMaterial[], samples: Matrix, products: MatrixProducts) {
    this.#layers = layers;
    this.#samples = samples;
    this.#products = products;
  }

  async pack(groupOf: GroupOf): Promise<QuantisedLinear[]> {
    const linears: QuantisedLinear[] = [];
    const last = this.#layers.findLastIndex(({ linear }) => groupOf(linear.shape.name) !== null);
    let samples = this.#samples;
    for (const [index, { linear, input }] of this.#layers.entries()) {
      const group = groupOf(linear.shape.name);
      const stored =
        group === null ? quantiseLinear(linear, input) : await this.#quantise(index, samples, group);
      linears.push(stored);
      if (index >= last) continue;
      // int8 changes next to nothing.
      const weight = stored.format === 'int4' ? unpackInt4(stored) : linear.weight;
      samples = (await layerValues([{ ...linear, weight }], samples, this.#products))[1] ?? samples;
    }
    return linears;
  }

  async #quantise(index: number, samples: Matrix, group: Int4Group): Promise<Int4Linear> {
    const products = this.#products;
    const layer = this.#layers[index];
    if (layer === undefined) throw new RangeError(`No layer ${index}.`);
    const { linear, input } = layer;
    if (index > 0) {
      return await quantiseInt4(linear, input, group, await prepareFeedback(samples, products), products);
    }
    if (this.#packed?.group !== group) {
      this.#first ??= prepareFeedback(samples, products);
      this.#packed = await quantiseInt4(linear, input, group, await this.#first, products);
    }
    return this.#packed;
  }
}
