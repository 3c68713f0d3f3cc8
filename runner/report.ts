// A run's report: report.html, one file without script that shows throughput over time and what limited it,
// and the same curve in one line for terminals.

import { escapeHtml } from './escape-html.ts';
import { bottleneck, type MeterReading, type Sample, STAGES } from './meter.ts';
import type { RunTotals } from './reconcile.ts';
import type { RunRecord } from './run-record.ts';

export interface RunReport {
  readonly record: RunRecord;
  /** Why this engine. */
  readonly engineReason: string;
  readonly totals: RunTotals;
  /** Of the process that ended the run; what earlier ones did is in the totals alone. */
  readonly reading: MeterReading;
  readonly samples: readonly Sample[];
  /** Largest resident memory of the process, bytes. */
  readonly peakMemory: number;
}

const BLOCKS = '▁▂▃▄▅▆▇█';
const WIDTH = 760;
const HEIGHT = 220;
const MARGIN = { left: 56, right: 16, top: 16, bottom: 34 } as const;

/** One character per step of time, at most `width`; the tallest is the fastest. */
export function sparkline(samples: readonly Sample[], width = 60): string {
  const rates = resample(samples, width);
  const top = Math.max(...rates, 1e-9);
  return rates.map((rate) => BLOCKS[Math.min(7, Math.floor((rate / top) * 8))]).join('');
}

/** `engine 97 % · decoding 41 % · reading 3 % · writing 1 %` */
export function describeShares(shares: MeterReading['shares']): string {
  return STAGES.toSorted((a, b) => shares[b] - shares[a])
    .map((stage) => `${stage} ${Math.round(shares[stage] * 100)} %`)
    .join(' · ');
}

export function reportPage(report: RunReport): string {
  const { record, totals, reading, engineReason, peakMemory } = report;
  const { space } = record;
  const rows: [string, string][] = [
    ['Source', record.source],
    [
      'Inputs',
      `${totals.items}: ${totals.vectors} vectors, ${totals.failed} failed, in ${totals.shards} shards`,
    ],
    [
      'Vectors',
      `${space.layer}, ${space.pool}, ${space.dimensions} × ${record.dtype}, into ${record.output}`,
    ],
    ['Model', space.model],
    ['Engine', `${engineReason} Batches of ${record.batch}.`],
    ['Last process', `${reading.images} images in ${reading.seconds.toFixed(1)} s`],
    // Unknown where no image was decoded, or no runner told.
    ...(reading.shares.engine > 0 ? [busyRow(reading)] : []),
    ['Peak memory', `${Math.round(peakMemory / 2 ** 20)} MB`],
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(`vgg-edge embed: ${record.source}`)}</title>
<style>
body { font: 15px/1.5 system-ui, sans-serif; max-width: ${WIDTH}px; margin: 2rem auto; padding: 0 1rem; color: #222; background: #fff }
th { text-align: left; vertical-align: top; padding-right: 1.5rem; font-weight: 600; white-space: nowrap }
td { overflow-wrap: anywhere }
svg { width: 100%; height: auto }
</style>
<h1>${totals.vectors} vectors</h1>
${throughputPicture(report.samples)}
<table>
${rows.map(([name, value]) => `<tr><th scope="row">${name}<td>${escapeHtml(value)}`).join('\n')}
</table>
</html>
`;
}

function busyRow({ shares }: MeterReading): [string, string] {
  return ['Busy', `${describeShares(shares)}; the bottleneck: ${bottleneck(shares)}`];
}

/** An area under images per second over seconds, SVG. */
export function throughputPicture(samples: readonly Sample[]): string {
  const end = Math.max(samples.at(-1)?.seconds ?? 0, 1e-3);
  const top = niceTop(Math.max(...samples.map(({ rate }) => rate), 1e-3));
  const x = (seconds: number) => MARGIN.left + (seconds / end) * (WIDTH - MARGIN.left - MARGIN.right);
  const y = (rate: number) => HEIGHT - MARGIN.bottom - (rate / top) * (HEIGHT - MARGIN.top - MARGIN.bottom);
  const bottom = y(0).toFixed(1);
  let from = 0;
  const steps = samples.map(({ seconds, rate }) => {
    const step = `L${x(from).toFixed(1)} ${y(rate).toFixed(1)}L${x(seconds).toFixed(1)} ${y(rate).toFixed(1)}`;
    from = seconds;
    return step;
  });
  const lines = [0, 0.5, 1].map((share) => {
    const height = y(top * share).toFixed(1);
    return `<path d="M${MARGIN.left} ${height}H${WIDTH - MARGIN.right}" stroke="#ddd"/><text x="${MARGIN.left - 8}" y="${height}" dy="4" text-anchor="end">${short(top * share)}</text>`;
  });
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" fill="#222" role="img" aria-label="Images per second over time">
${lines.join('\n')}
<path d="M${x(0).toFixed(1)} ${bottom}${steps.join('')}L${x(end).toFixed(1)} ${bottom}Z" fill="#1f6f8b" fill-opacity=".35" stroke="#1f6f8b"/>
<text x="${MARGIN.left}" y="${HEIGHT - 10}">images/s over time</text>
<text x="${WIDTH - MARGIN.right}" y="${HEIGHT - 10}" text-anchor="end">${short(end)} s</text>
</svg>`;
}

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

function short(value: number): string {
  return value >= 100 || Number.isInteger(value) ? value.toFixed(0) : value.toPrecision(2);
}
