// The backbone of a manifest → where everything lies in memory.

import { featuresDim } from '../../core/family.ts';
import { configurationOf, type Manifest, type ManifestConvolution } from '../../core/manifest.ts';
import { fastestAlgorithm, LANES } from './algorithm.ts';
import { DESCRIPTOR, type PlacedConvolution, paddedSide, type Workspace, workspace } from './descriptor.ts';
import { KERNEL_BYTES } from './kernel.ts';
import { Layout, roundUp } from './layout.ts';

/** A convolution with its addresses. */
export interface PlannedConvolution extends PlacedConvolution {
  /** Where the shard's weights go. */
  readonly shardWeights: number;
  readonly descriptor: number;
  /** Maps after the first pool, which the convolution does itself: one more pool each. */
  readonly extraPools: readonly { readonly size: number; readonly input: number; readonly output: number }[];
}

export interface BackbonePlan extends Workspace {
  readonly images: number;
  /** First byte behind all regions. */
  readonly end: number;
  /** uint8 [images][size][size][3] */
  readonly pixels: number;
  /** int16 [3][256] */
  readonly table: number;
  readonly firstInput: number;
  readonly convolutions: readonly PlannedConvolution[];
  /** The last map. */
  readonly map: { readonly address: number; readonly size: number; readonly channels: number };
  /** float32 [images][featuresDim] */
  readonly features: number;
  readonly featuresDim: number;
}

/** Reading a vector at a row's end may touch so many bytes behind it. */
const SLACK = 64;

/**
 * `images` are computed together: weights are transformed once for all, maps take so much more memory.
 * Throws ModelError('out_of_memory') beyond 2 GiB.
 */
export function planBackbone(manifest: Manifest, images: number): BackbonePlan {
  const size = manifest.preprocess.crop;
  const layout = new Layout(KERNEL_BYTES);
  const pixels = layout.take(images * size * size * 3);
  const table = layout.take(3 * 256 * 2);

  // Maps take turns in two regions: what a layer reads lies in one, what it writes in the other.
  const maps = mapBytes(manifest.convolutions, images);
  const regions = [0, 1].map((parity) =>
    layout.take(Math.max(...maps.filter((_, index) => index % 2 === parity), 0) + SLACK),
  );
  let position = 0;
  const next = () => regions[position++ % 2] ?? 0;

  const room = { rows: 0, panel: 0, sums: 0 };
  const firstInput = next();
  let input = firstInput;
  const convolutions = manifest.convolutions.map((layer, index): PlannedConvolution => {
    const first = index === 0;
    const inputChannels = first ? layer.inputChannels : roundUp(layer.inputChannels, LANES);
    const outputChannels = roundUp(layer.outputChannels, LANES);
    const algorithm = first ? 'first' : fastestAlgorithm(layer.size, images);
    const needed = workspace(algorithm, layer.size, images, inputChannels);
    room.rows = Math.max(room.rows, needed.rows);
    room.panel = Math.max(room.panel, needed.panel);
    room.sums = Math.max(room.sums, needed.sums);
    const raw = layer.outputChannels * layer.inputChannels * 9;
    const arranged = outputChannels * inputChannels * 9;
    const region = layout.take(arranged);
    const output = next();
    const planned = {
      layer,
      algorithm,
      inputChannels,
      outputChannels,
      input,
      output,
      shardWeights: first ? region : region + arranged - raw,
      weights: region,
      bias: layout.take(outputChannels * 4),
      scale: layout.take(outputChannels * 4),
      descriptor: layout.take(DESCRIPTOR.length * 4),
    };
    input = output;
    const extraPools = Array.from({ length: Math.max(layer.pools - 1, 0) }, (_, pool) => {
      const from = input;
      input = next();
      return { size: layer.size >> (pool + 1), input: from, output: input };
    });
    return { ...planned, extraPools };
  });
  const last = manifest.convolutions.at(-1);
  const dim = featuresDim(configurationOf(manifest));
  const features = layout.take(images * dim * 4);
  const rows = layout.take(room.rows);
  const panel = layout.take(room.panel);
  const sums = layout.take(room.sums);
  return {
    images,
    end: layout.end,
    pixels,
    table,
    firstInput,
    convolutions,
    map: {
      address: input,
      size: (last?.size ?? 0) >> (last?.pools ?? 0),
      channels: roundUp(last?.outputChannels ?? 0, LANES),
    },
    features,
    featuresDim: dim,
    rows,
    panel,
    sums,
  };
}

/** Bytes of every map in order: the first input, each convolution's output, each further pool's. */
function mapBytes(convolutions: readonly ManifestConvolution[], images: number): number[] {
  const bytes = (size: number, pixelBytes: number) => images * paddedSide(size) ** 2 * pixelBytes;
  const [first] = convolutions;
  return [
    // int16, three channels
    bytes(first?.size ?? 0, 6),
    ...convolutions.flatMap(({ size, pools, outputChannels }) =>
      Array.from({ length: Math.max(pools, 1) }, (_, pool) =>
        bytes(size >> Math.min(pools, pool + 1), roundUp(outputChannels, LANES)),
      ),
    ),
  ];
}
