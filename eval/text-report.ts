// The report as text: tables in Markdown, so that a run can be pasted into a document as it is.

import type { ClassificationFigures } from './classification.ts';
import type { EvalReport, RetrievalRow } from './report.ts';

const NO_VALUE = '–';

export function textReport(report: EvalReport): string {
  const { photos, model, precision, trained } = report;
  const sections = [
    `${model}${trained ? '' : ' (untrained)'} in ${precision}: ${photos.measured} of ${photos.found} photographs in ${photos.folder}${photos.classes > 0 ? `, ${photos.classes} classes` : ''}`,
    ...classificationSection(report),
    ...(photos.classes >= 2 || report.reference !== null ? [retrievalTable(report)] : []),
    ...fidelitySection(report),
    ...failures(report),
  ];
  return `${sections.join('\n\n')}\n`;
}

function classificationSection({ classification, withoutLabel, reference }: EvalReport): string[] {
  if (classification === null) {
    if (withoutLabel.length === 0) return [];
    const some = withoutLabel.slice(0, 5).join(', ');
    return [`No accuracy: ${withoutLabel.length} classes are none of the model's or several (${some}).`];
  }
  const row = (name: string, figures: ClassificationFigures): string[] => [
    name,
    percent(figures.top1),
    percent(figures.top5),
    percent(figures.ofLabelled.top1AmongLabelled),
    percent(figures.ofOthers.top1),
    percent(figures.ofOthers.top5),
  ];
  const { int8, float32 } = classification;
  const header = ['accuracy', 'top-1', 'top-5', 'top-1 among labelled', 'other classes: top-1', 'top-5'];
  const rows = [row('int8', int8), ...(float32 === null ? [] : [row(`float32 (${reference})`, float32)])];
  const confusions = int8.worstConfusions
    .slice(0, 5)
    .map((confusion) => `${confusion.is} taken for ${confusion.takenFor} (${confusion.photos})`);
  return [
    table(header, rows),
    ...(confusions.length > 0 ? [`Worst confusions: ${confusions.join('; ')}`] : []),
  ];
}

function retrievalTable({ retrieval, whitening }: EvalReport): string {
  const ordered = retrieval.toSorted((a, b) => meanAveragePrecision(b) - meanAveragePrecision(a));
  const rows = ordered.map(({ name, dimensions, figures: { int8, float32 }, overlapAt10 }) => [
    name,
    String(dimensions),
    decimal(int8?.meanAveragePrecision),
    decimal(int8?.precisionAt10),
    decimal(int8?.recallAt[1]),
    decimal(float32?.meanAveragePrecision),
    decimal(overlapAt10),
  ]);
  const header = ['descriptor', 'values', 'mAP', 'precision@10', 'recall@1', 'mAP of float32', 'overlap@10'];
  const note =
    whitening === null
      ? ''
      : `\n\nWhitening fitted to ${whitening.photos} photographs in ${whitening.folder}.`;
  return `${table(header, rows)}${note}`;
}

function meanAveragePrecision({ figures }: RetrievalRow): number {
  return figures.int8?.meanAveragePrecision ?? 0;
}

function fidelitySection({ fidelity, reference }: EvalReport): string[] {
  if (fidelity === null) return [];
  const rows = Object.entries(fidelity.taps).map(([tap, { mean, percentile1, min }]) => [
    tap,
    mean.toFixed(5),
    percentile1.toFixed(5),
    min.toFixed(5),
  ]);
  const agreement =
    fidelity.top1Agreement === null
      ? ''
      : `\n\nMost probable class the same for ${percent(fidelity.top1Agreement)} of the photographs.`;
  return [`${table([`cosine with ${reference}`, 'mean', '1 %', 'minimum'], rows)}${agreement}`];
}

function failures({ photos: { failed } }: EvalReport): string[] {
  if (failed.length === 0) return [];
  const lines = failed.map(({ name, reason }) => `  ${name}: ${reason}`);
  return [`${failed.length} not measured:\n${lines.join('\n')}`];
}

function table(header: readonly string[], rows: readonly (readonly string[])[]): string {
  const widths = header.map((title, column) =>
    Math.max(title.length, ...rows.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => (column === 0 ? cell.padEnd(widths[0] ?? 0) : cell.padStart(widths[column] ?? 0))).join(' | ')} |`;
  const rule = `| ${widths.map((width, column) => (column === 0 ? '-'.repeat(width) : `${'-'.repeat(width - 1)}:`)).join(' | ')} |`;
  return [line(header), rule, ...rows.map(line)].join('\n');
}

function percent(share: number | null): string {
  return share === null ? NO_VALUE : `${(100 * share).toFixed(1)} %`;
}

function decimal(value: number | null | undefined): string {
  return value === null || value === undefined ? NO_VALUE : value.toFixed(3);
}
