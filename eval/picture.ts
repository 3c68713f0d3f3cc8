// The report as a picture, SVG without script or fonts of its own: bars of accuracy and of retrieval.

import type { EvalReport } from './report.ts';

interface Bar {
  readonly name: string;
  /** 0…1 */
  readonly int8: number;
  readonly float32: number | null;
}

interface Panel {
  readonly title: string;
  readonly bars: readonly Bar[];
}

const WIDTH = 720;
const LABELS = 190;
const SCALE = WIDTH - LABELS - 70;
const ROW = 22;
const TITLE = 34;
const MARGIN = 16;
const COLOURS = { int8: '#1f6f8b', float32: '#b9c9d0', text: '#222', line: '#ccc' } as const;

export function drawReport(report: EvalReport): string {
  const panels = [accuracyPanel(report), retrievalPanel(report)].filter(({ bars }) => bars.length > 0);
  const parts: string[] = [];
  let top = MARGIN + 24;
  for (const panel of panels) {
    parts.push(drawPanel(panel, top));
    top += TITLE + panel.bars.length * ROW + MARGIN;
  }
  const hasReference = report.reference !== null;
  const height = top + (hasReference ? 24 : 0);
  if (hasReference) parts.push(legend(top + 4, report.reference ?? ''));
  const { photos } = report;
  const subject = `${report.model}${report.trained ? '' : ' (untrained)'}: ${photos.measured} photographs of ${photos.folder}`;
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${height}" font-family="sans-serif" font-size="12" fill="${COLOURS.text}">
<title>${inXml(subject)}</title>
<rect width="${WIDTH}" height="${height}" fill="#fff"/>
${text(MARGIN, MARGIN + 10, subject)}
${parts.join('\n')}
</svg>
`;
}

function accuracyPanel({ classification }: EvalReport): Panel {
  if (classification === null) return { title: '', bars: [] };
  const { int8, float32 } = classification;
  const bars = [
    { name: 'top-1', int8: int8.top1, float32: float32?.top1 },
    { name: 'top-5', int8: int8.top5, float32: float32?.top5 },
    {
      name: 'top-1 among labelled',
      int8: int8.ofLabelled.top1AmongLabelled,
      float32: float32?.ofLabelled.top1AmongLabelled,
    },
  ];
  return {
    title: 'Share of photographs with the right class',
    bars: bars.flatMap((bar) =>
      bar.int8 === null ? [] : [{ name: bar.name, int8: bar.int8, float32: bar.float32 ?? null }],
    ),
  };
}

function retrievalPanel({ retrieval }: EvalReport): Panel {
  const bars = retrieval.flatMap(({ name, figures: { int8, float32 } }): Bar[] =>
    int8 === null
      ? []
      : [{ name, int8: int8.meanAveragePrecision, float32: float32?.meanAveragePrecision ?? null }],
  );
  return {
    title: 'Retrieval, mean average precision',
    bars: bars.toSorted((a, b) => b.int8 - a.int8),
  };
}

function drawPanel({ title, bars }: Panel, top: number): string {
  const rows = bars.map(({ name, int8, float32 }, index) => {
    const y = top + TITLE + index * ROW;
    const behind = float32 === null ? '' : bar(y, ROW - 6, float32, COLOURS.float32);
    const front = bar(y + (float32 === null ? 0 : 4), ROW - (float32 === null ? 6 : 14), int8, COLOURS.int8);
    const end = LABELS + Math.max(int8, float32 ?? 0) * SCALE + 8;
    return `${text(LABELS - 8, y + 12, name, 'end')}${behind}${front}${text(end, y + 12, int8.toFixed(3))}`;
  });
  const bottom = top + TITLE + bars.length * ROW - 4;
  const axis = `<path d="M${LABELS} ${top + TITLE - 4}V${bottom}" stroke="${COLOURS.line}"/>`;
  return [text(MARGIN, top + 20, title), axis, ...rows].join('\n');
}

function legend(y: number, reference: string): string {
  const swatch = (x: number, colour: string, label: string) =>
    `<rect x="${x}" y="${y}" width="12" height="12" fill="${colour}"/>${text(x + 18, y + 10, label)}`;
  return (
    swatch(LABELS, COLOURS.int8, 'int8') + swatch(LABELS + 80, COLOURS.float32, `float32 (${reference})`)
  );
}

function bar(y: number, height: number, share: number, colour: string): string {
  const width = Math.max(0, share * SCALE).toFixed(1);
  return `<rect x="${LABELS}" y="${y}" width="${width}" height="${height}" fill="${colour}"/>`;
}

function text(x: number, y: number, content: string, anchor: 'start' | 'end' = 'start'): string {
  return `<text x="${x.toFixed(1)}" y="${y}" text-anchor="${anchor}">${inXml(content)}</text>`;
}

function inXml(content: string): string {
  return content.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
