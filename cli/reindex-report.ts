// What a reindexing found, for the terminal and as a page with pictures.

import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import type { Hit } from '../core/vector-store.ts';
import type { Source, SourceItem } from '../runner/ports.ts';
import type { ReindexState } from '../runner/reindex-state.ts';
import type { ComparedQuery, Comparison, ScoreSpread } from '../search/compare-indexes.ts';
import { type PagePhoto, type PageSection, photoPage } from './photo-page.ts';
import { table } from './table.ts';

/** Queries on the page: those that changed most. */
const SHOWN_QUERIES = 8;
const SHOWN_HITS = 5;
/** Pixels: an answer on one line. */
const SIDE = 165;

export function countsText({ position, embedded, copied, unchanged, failed }: ReindexState): string {
  return `${position} images: ${embedded} embedded, ${copied} copied, ${unchanged} unchanged, ${failed} failed`;
}

export function comparisonText(comparison: Comparison, { before, after }: ReindexState): string {
  const { topK, queries, overlap, sameFirst, scores, shift, thresholds } = comparison;
  const spreadRow = (name: string, { p10, p50, p90 }: ScoreSpread) => [name, ...[p10, p50, p90].map(three)];
  const lines = [
    `${queries.length} queries, each an item left out of its own answer:`,
    `  the ${topK} nearest in common: mean ${percent(overlap.mean)}, 10th percentile ${percent(overlap.p10)}, least ${percent(overlap.min)}`,
    `  the nearest is the same: ${percent(sameFirst)}`,
    `  scores move by ${shift < 0 ? '−' : '+'}${three(Math.abs(shift))} on average`,
    '',
    table(
      ['cosine of the nearest', '10 %', 'median', '90 %'],
      [spreadRow(before, scores.before), spreadRow(after, scores.after)],
    ),
  ];
  if (thresholds.length > 0) {
    const rows = thresholds.map((row) => [row.before.toFixed(2), three(row.after), percent(row.share)]);
    lines.push('', table(['min_score before', 'after', 'hits let through'], rows));
  }
  return lines.join('\n');
}

export interface ReportParts {
  readonly state: ReindexState;
  readonly comparison: Comparison;
  readonly objections: readonly string[];
  readonly source: Source;
}

/** The queries whose answers changed most, with both answers. */
export async function* reindexPage({
  state,
  comparison,
  objections,
  source,
}: ReportParts): AsyncGenerator<string> {
  const changed = comparison.queries.toSorted((a, b) => a.overlap - b.overlap).slice(0, SHOWN_QUERIES);
  const places = await locate(source, new Set(changed.flatMap(shownIds)));
  const photo = (id: string, note: string): PagePhoto => ({
    name: id,
    note,
    async read() {
      const item = places.get(id);
      return item && source.read(item, LOCAL_IMAGE_LIMITS.maxBytes);
    },
  });
  const sections = changed.flatMap((query) => {
    const same = new Set(query.after.map(({ id }) => id));
    const old = new Set(query.before.map(({ id }) => id));
    const hits = (found: readonly Hit[], others: ReadonlySet<string>) =>
      found
        .slice(0, SHOWN_HITS)
        .map(({ id, score }) => photo(id, `${three(score)}${others.has(id) ? '' : ' (only here)'}`));
    const title = `${query.id}: ${percent(query.overlap)} in common`;
    const section = (name: string, photos: PagePhoto[]): PageSection => ({
      title: `${title} — ${name}`,
      groups: [[photo(query.id, 'asked'), ...photos]],
    });
    return [
      section(`before, ${state.before}`, hits(query.before, same)),
      section(`after, ${state.after}`, hits(query.after, old)),
    ];
  });
  const { overlap, topK, queries, sameFirst, shift } = comparison;
  const lead =
    `${countsText(state)}. Over ${queries.length} queries ${percent(overlap.mean)} of the ${topK} nearest are the same, ` +
    `the nearest in ${percent(sameFirst)}; scores move by ${three(shift)}. ` +
    (objections.length === 0 ? 'Nothing speaks against it.' : `Against it: ${objections.join(' ')}`) +
    ' Below are the queries whose answers changed most.';
  yield* photoPage(`${state.alias}: from ${state.before} to ${state.after}`, lead, sections, { side: SIDE });
}

function shownIds({ id, before, after }: ComparedQuery): string[] {
  return [id, ...[...before.slice(0, SHOWN_HITS), ...after.slice(0, SHOWN_HITS)].map((hit) => hit.id)];
}

/** Where in the source the items are, by one more look at its list. */
async function locate(source: Source, ids: ReadonlySet<string>): Promise<ReadonlyMap<string, SourceItem>> {
  const places = new Map<string, SourceItem>();
  for await (const item of source.list()) {
    if (ids.has(item.id)) places.set(item.id, item);
    if (places.size === ids.size) break;
  }
  return places;
}

function percent(share: number): string {
  return `${(share * 100).toFixed(1)} %`;
}

function three(value: number): string {
  return value.toFixed(3);
}
