// One convolution, whatever its algorithm.
//
//   for each group of tiles:                  as many as the room for transformed input holds
//     transform the group's input
//     for each panel of output channels:
//       transform the panel's weights
//       for each block of tiles:              as many as the caches hold
//         multiply plane by plane, transform the sums back, store levels
//
// Weights are transformed again for every group. Large maps have few channels, and so few weights, small
// maps are one group: that keeps the transformed input small at next to no cost.

import {
  Convolution, DIRECT, FIRST, PANEL, PANEL_BYTES, WINOGRAD_2, WINOGRAD_4,
  panelPlane, planeCount, rowDepth, rowsPlane, sumsPlane, tileEdge, tileRows,
} from './convolution';
import { convolveFirst, gatherRows, pairFirstWeights, storeSums, widenWeights } from './direct';
import { clearBorder } from './map';
import { multiply } from './products';
import { tilesAcross } from './tile';
import { transformInput2, transformOutput2, transformWeights2 } from './winograd-2';
import { transformInput4, transformOutput4, transformWeights4 } from './winograd-4';

function transformInput(c: Convolution, rows: usize, from: usize, to: usize): void {
  if (c.algorithm == WINOGRAD_4) transformInput4(c, rows, from, to);
  else if (c.algorithm == WINOGRAD_2) transformInput2(c, rows, from, to);
  else if (c.algorithm == DIRECT) gatherRows(c, rows, from, to);
  // The first layer's input is read where it lies.
}

function transformWeights(c: Convolution, channel: usize, count: usize): void {
  const weights = c.weights + channel * c.inputChannels * 9;
  if (c.algorithm == WINOGRAD_4) transformWeights4(c, weights, c.panel, count);
  else if (c.algorithm == WINOGRAD_2) transformWeights2(c, weights, c.panel, count);
  else if (c.algorithm == DIRECT) widenWeights(c, weights, c.panel, count);
  else pairFirstWeights(weights, c.panel, count);
}

function transformOutput(c: Convolution, channel: usize, count: usize, from: usize, to: usize): void {
  if (c.algorithm == WINOGRAD_4) transformOutput4(c, channel, count, from, to);
  else if (c.algorithm == WINOGRAD_2) transformOutput2(c, channel, count, from, to);
  else storeSums(c, channel, count, from, to);
}

export function convolve(c: Convolution): void {
  const algorithm = c.algorithm;
  const across = tilesAcross(c.size, tileEdge(algorithm));
  const tiles = c.images * across * across;
  const planes = planeCount(algorithm);
  const depth = rowDepth(algorithm, c.inputChannels);
  const partDepth = min(c.part, depth);
  const rowsStep = rowsPlane(algorithm, c.inputChannels, c.block);
  const panelStep = panelPlane(algorithm, c.inputChannels);
  const sumsStep = sumsPlane(algorithm, c.block);
  const blockBytes = rowsStep * planes;

  clearBorder(c.output, c.images, c.size >>> c.pool, c.outputChannels);
  for (let group: usize = 0; group < tiles; group += c.group) {
    const groupEnd = min(group + c.group, tiles);
    let rows = c.rows;
    for (let from = group; from < groupEnd; from += c.block, rows += blockBytes) {
      transformInput(c, rows, from, min(from + c.block, groupEnd));
    }
    for (let channel: usize = 0; channel < c.outputChannels; channel += PANEL) {
      const count = min(PANEL, c.outputChannels - channel);
      transformWeights(c, channel, count);
      rows = c.rows;
      for (let from = group; from < groupEnd; from += c.block, rows += blockBytes) {
        const to = min(from + c.block, groupEnd);
        if (algorithm == FIRST) {
          convolveFirst(c, channel, count, from, to);
          continue;
        }
        const rowCount = max((to - from) * tileRows(algorithm), 2);
        let sums = c.sums;
        for (let part: usize = 0; part < depth; part += partDepth) {
          const thisDepth = min(partDepth, depth - part);
          for (let plane: usize = 0; plane < planes; plane++, sums += sumsStep) {
            const a = rows + plane * rowsStep + part * 2;
            const b = c.panel + plane * panelStep + part * 2;
            multiply(a, b, sums, rowCount, count, thisDepth, depth * 2, PANEL_BYTES);
          }
        }
        transformOutput(c, channel, count, from, to);
      }
    }
  }
}
