// A run's report: report.html, one file without script that shows throughput over time, where the time went
// and what failed.

import { escapeHtml } from './escape-html.ts';
import type { FailureGroup } from './failure-groups.ts';
import { bottleneck, type MeterReading, type Sample, STAGES } from './meter.ts';
import { counted, duration, grouped, percent, rateText } from './quantity.ts';
import type { RunTotals } from './reconcile.ts';
import type { RunRecord } from './run-record.ts';
import { THROUGHPUT_STYLE, throughputPicture } from './throughput-picture.ts';

export interface RunReport {
  readonly record: RunRecord;
  /** Why this engine. */
  readonly engineReason: string;
  readonly totals: RunTotals;
  /** Of all processes. */
  readonly failures: readonly FailureGroup[];
  /** Of the process that ended the run; what earlier ones did is in the totals alone. */
  readonly reading: MeterReading;
  readonly samples: readonly Sample[];
  /** Largest resident memory of the process, bytes. */
  readonly peakMemory: number;
}

/** `engine 97 % · decoding 41 % · reading 3 % · writing 1 %` */
export function describeShares(shares: MeterReading['shares']): string {
  return byShare(shares)
    .map((stage) => `${stage} ${percent(shares[stage])}`)
    .join(' · ');
}

const STYLE = `
  :root { color-scheme: light dark; --ink: light-dark(#1b1c20, #ececf0); --soft: light-dark(#5c5f6a, #a4a7b3); --line: light-dark(#d9dbe3, #3a3d48); --accent: light-dark(#1a56c4, #8ab4f8); --page: light-dark(#fff, #17181c); }
  body { font: 15px/1.5 system-ui, sans-serif; max-width: 52rem; margin: 2rem auto; padding: 0 1rem; color: var(--ink); background: var(--page); }
  h1 { margin: 0 0 .25rem; font-size: 2rem; }
  h2 { margin: 2rem 0 .75rem; font-size: 1.15rem; }
  p { margin: 0; color: var(--soft); overflow-wrap: anywhere; }
  a { color: var(--accent); }
  table { border-collapse: collapse; width: 100%; }
  th, td { padding: .3rem 1.25rem .3rem 0; text-align: left; vertical-align: top; border-top: 1px solid var(--line); }
  th { font-weight: 600; white-space: nowrap; }
  td { overflow-wrap: anywhere; }
  td:last-child { width: 99%; padding-right: 0; }
  .number { text-align: right; white-space: nowrap; font-variant-numeric: tabular-nums; }
  meter { width: 100%; height: 1.2rem; }
  dl { display: grid; grid-template-columns: repeat(auto-fit, minmax(9rem, 1fr)); gap: .75rem; margin: 1.5rem 0; }
  dl div { padding: .6rem .8rem; border: 1px solid var(--line); border-radius: .5rem; }
  dt { color: var(--soft); font-size: .8rem; }
  dd { margin: 0; font-size: 1.25rem; font-variant-numeric: tabular-nums; white-space: nowrap; }${THROUGHPUT_STYLE}`;

export function reportPage(report: RunReport): string {
  const { record, totals, reading, engineReason, peakMemory, failures } = report;
  const { space } = record;
  const tiles: [string, string][] = [
    ['failed', grouped(totals.failed)],
    ['images per second', rateText(reading.images / reading.seconds)],
    ['time', duration(reading.seconds)],
    ['peak memory', `${grouped(Math.round(peakMemory / 2 ** 20))} MB`],
  ];
  const rows: [string, string][] = [
    ['Inputs', `${grouped(totals.items)} in ${counted(totals.shards, 'shard')}`],
    [
      'Vectors',
      `${space.layer}, ${space.pool}, ${space.dimensions} × ${record.dtype}, into ${record.output}`,
    ],
    ['Model', space.model],
    ['Engine', `${engineReason} Batches of ${record.batch}.`],
    ...(reading.images === totals.items ? [] : [sessionRow(reading, totals)]),
  ];
  return `<!doctype html>
<html lang="en">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'unsafe-inline'">
<title>${escapeHtml(`${counted(totals.vectors, 'vector')} of ${record.source}`)}</title>
<style>${STYLE}
</style>
<h1>${counted(totals.vectors, 'vector')}</h1>
<p>of ${escapeHtml(record.source)}</p>
<dl>${tiles.map(([name, value]) => `<div><dt>${name}</dt><dd>${value}</dd></div>`).join('')}</dl>
${throughputPicture(report.samples)}
${reading.shares.engine > 0 ? stagesTable(reading.shares) : ''}
${failures.length > 0 ? failuresTable(failures) : ''}
<h2>The run</h2>
<table>
${rows.map(([name, value]) => `<tr><th scope="row">${name}<td>${escapeHtml(value)}`).join('\n')}
</table>
</html>
`;
}

/** Unknown where no image was decoded, or no runner told. */
function stagesTable(shares: MeterReading['shares']): string {
  const rows = byShare(shares).map(
    (stage) =>
      `<tr><th scope="row">${stage}<td class="number">${percent(shares[stage])}<td><meter value="${shares[stage].toFixed(4)}">${percent(shares[stage])}</meter>`,
  );
  return `<h2>Busy: the bottleneck is ${bottleneck(shares)}</h2>\n<table>\n${rows.join('\n')}\n</table>`;
}

function failuresTable(failures: readonly FailureGroup[]): string {
  const rows = failures.map(
    ({ code, count, first }) =>
      `<tr><th scope="row">${escapeHtml(code)}<td class="number">${grouped(count)}<td>${escapeHtml(`${first.id}: ${first.reason}`)}`,
  );
  return `<h2>Failed, with the first of each kind</h2>\n<table>\n${rows.join('\n')}\n</table>\n<p>All of them: <a href="failures.jsonl">failures.jsonl</a></p>`;
}

function sessionRow({ images, seconds }: MeterReading, { items }: RunTotals): [string, string] {
  return [
    'This session',
    `${grouped(images)} of the ${grouped(items)} inputs in ${duration(seconds)}; figures above are of these. Earlier ones did the others.`,
  ];
}

function byShare(shares: MeterReading['shares']) {
  return STAGES.toSorted((a, b) => shares[b] - shares[a]);
}
