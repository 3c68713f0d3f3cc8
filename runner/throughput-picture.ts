// Throughput over time: as a picture for pages, and as one line for terminals.

import type { Sample } from './meter.ts';
import { duration, grouped } from './quantity.ts';

const BLOCKS = '▁▂▃▄▅▆▇█';
/** Of the picture's own coordinates, which are stretched to the page. */
const SIDE = 1000;
const MARKS = 2;

/** One character per step of time, at most `width`; the tallest is the fastest. */
export function sparkline(samples: readonly Sample[], width = 60): string {
  const rates = resample(samples, width);
  const top = Math.max(...rates, 1e-9);
  return rates.map((rate) => BLOCKS[Math.min(7, Math.floor((rate / top) * 8))]).join('');
}

/** An area under images per second over time: an SVG between its two axes, whose text keeps its size. */
export function throughputPicture(samples: readonly Sample[]): string {
  const end = Math.max(samples.at(-1)?.seconds ?? 0, 1e-3);
  const top = niceTop(Math.max(...samples.map(({ rate }) => rate), 1e-3));
  const x = (seconds: number) => ((seconds / end) * SIDE).toFixed(1);
  const y = (rate: number) => ((1 - rate / top) * SIDE).toFixed(1);
  let from = 0;
  const steps = samples.map(({ seconds, rate }) => {
    const step = `L${x(from)} ${y(rate)}L${x(seconds)} ${y(rate)}`;
    from = seconds;
    return step;
  });
  const grid = [0, 0.5, 1].map((share) => `M0 ${y(top * share)}H${SIDE}`).join('');
  const heights = [1, 0.5, 0].map((share) => `<span>${scaleText(top * share)}</span>`).join('');
  const times = Array.from(
    { length: MARKS + 1 },
    (_, mark) => `<span>${mark === 0 ? '0' : duration((end * mark) / MARKS)}</span>`,
  ).join('');
  return `<figure role="img" aria-label="Images per second over time">
<figcaption>images per second</figcaption>
<div class="heights">${heights}</div>
<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${SIDE} ${SIDE}" preserveAspectRatio="none"><path class="grid" d="${grid}"/><path class="area" d="M0 ${SIDE}${steps.join('')}L${SIDE} ${SIDE}Z"/></svg>
<div class="times">${times}</div>
</figure>`;
}

export const THROUGHPUT_STYLE = `
  figure { display: grid; grid-template-columns: auto 1fr; gap: .3rem .6rem; margin: 1.5rem 0; font-size: .8rem; color: var(--soft); font-variant-numeric: tabular-nums; }
  figcaption { grid-column: 2; }
  figure svg { width: 100%; height: 12rem; overflow: visible; }
  figure path { vector-effect: non-scaling-stroke; }
  .grid { stroke: var(--line); fill: none; }
  .area { fill: var(--accent); fill-opacity: .3; stroke: var(--accent); stroke-width: 1.5; }
  .heights { display: flex; flex-direction: column; justify-content: space-between; text-align: right; margin: -.6em 0; }
  .times { grid-column: 2; display: flex; justify-content: space-between; white-space: nowrap; }`;

function resample(samples: readonly Sample[], width: number): number[] {
  const end = samples.at(-1)?.seconds ?? 0;
  const steps = Math.min(width, samples.length);
  return Array.from({ length: steps }, (_, step) => {
    const from = (end * step) / steps;
    const to = (end * (step + 1)) / steps;
    let images = 0;
    let before = 0;
    for (const { seconds, rate } of samples) {
      images += rate * Math.max(0, Math.min(seconds, to) - Math.max(before, from));
      before = seconds;
    }
    return images / Math.max(to - from, 1e-9);
  });
}

/** 1, 2 or 5 times a power of ten, at least `value`. */
function niceTop(value: number): number {
  const power = 10 ** Math.floor(Math.log10(value));
  return [1, 2, 5, 10].map((factor) => factor * power).find((top) => top >= value) ?? value;
}

function scaleText(value: number): string {
  return value >= 100 || Number.isInteger(value) ? grouped(value) : value.toPrecision(2);
}
