// How the answers of two indexes compare, in figures: for the terminal, and for the page of a reindexing.

import { escapeHtml } from '../runner/escape-html.ts';
import { counted, percent } from '../runner/quantity.ts';
import type { ReindexState } from '../runner/reindex-state.ts';
import type { Comparison, ScoreSpread } from '../search/compare-indexes.ts';
import { table } from './table.ts';

export function figuresText(comparison: Comparison, { before, after }: ReindexState): string {
  const { topK, queries, overlap, sameFirst, scores, shift, thresholds } = comparison;
  const spreadRow = (name: string, { p10, p50, p90 }: ScoreSpread) => [name, ...[p10, p50, p90].map(three)];
  const lines = [
    `${queries.length} queries, each an item left out of its own answer:`,
    `  the ${topK} nearest in common: mean ${percent(overlap.mean, 1)}, 10th percentile ${percent(overlap.p10, 1)}, least ${percent(overlap.min, 1)}`,
    `  the nearest is the same: ${percent(sameFirst, 1)}`,
    `  scores move by ${signed(shift)} on average`,
    '',
    table(
      ['cosine of the nearest', '10 %', 'median', '90 %'],
      [spreadRow(before, scores.before), spreadRow(after, scores.after)],
    ),
  ];
  if (thresholds.length > 0) {
    const rows = thresholds.map((row) => [row.before.toFixed(2), three(row.after), percent(row.share, 1)]);
    lines.push('', table(['min_score before', 'after', 'hits let through'], rows));
  }
  return lines.join('\n');
}

/** Shares of common hits are told in steps of so many per cent. */
const STEP = 10;

/** HTML. */
export function figuresHtml(
  { topK, queries, scores, thresholds }: Comparison,
  { before, after }: ReindexState,
): string {
  const shares = Array.from({ length: 100 / STEP + 1 }, (_, index) => (100 / STEP - index) * STEP);
  const steps = shares.flatMap((step) => {
    const count = queries.filter(({ overlap }) => Math.floor((overlap * 100 + 1e-9) / STEP) * STEP === step);
    return count.length === 0 ? [] : [{ step, count: count.length }];
  });
  const overlapRows = steps.map(
    ({ step, count }) =>
      `<tr><th scope="row">${step === 100 ? 'all' : `${step} %${topK === 10 ? '' : ' and more'}`}<td>${counted(count, 'query')}<td><meter value="${(count / queries.length).toFixed(4)}"></meter>`,
  );
  const spreadRow = (name: string, { p10, p50, p90 }: ScoreSpread) =>
    `<tr><th scope="row">${escapeHtml(name)}<td>${three(p10)}<td>${three(p50)}<td>${three(p90)}`;
  const thresholdRows = thresholds.map(
    (row) => `<tr><td>${row.before.toFixed(2)}<td>${three(row.after)}<td>${percent(row.share, 1)}`,
  );
  return `<div>
<table><caption>Of the ${topK} nearest are the same</caption>
${overlapRows.join('\n')}
</table>
<table><caption>Cosine of the nearest</caption>
<tr><td><th scope="col">10 %<th scope="col">median<th scope="col">90 %
${spreadRow(before, scores.before)}
${spreadRow(after, scores.after)}
</table>
${
  thresholds.length === 0
    ? ''
    : `<table><caption>A <code>min_score</code> that lets as many hits through</caption>
<tr><th scope="col">before<th scope="col">after<th scope="col">hits
${thresholdRows.join('\n')}
</table>`
}
</div>
`;
}

export const FIGURES_STYLE = `
  table { border-collapse: collapse; margin: 0 2rem 0.5rem 0; font-variant-numeric: tabular-nums; }
  caption { padding-bottom: 0.3rem; font-weight: 600; text-align: left; }
  th, td { padding: 0.15rem 1rem 0.15rem 0; border-top: 1px solid #8886; font-size: 0.9rem; text-align: right; }
  th[scope='row'] { text-align: left; font-weight: 400; }
  meter { width: 9rem; }`;

/** `+0.026`, `−0.1`, `0.000`. */
export function signed(value: number): string {
  const size = three(Math.abs(value));
  return Number(size) === 0 ? size : `${value < 0 ? '−' : '+'}${size}`;
}

export function three(value: number): string {
  return value.toFixed(3);
}
