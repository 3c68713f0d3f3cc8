// What a reindexing found as a page: its figures, and the queries whose answers changed most, in pictures.

import { LOCAL_IMAGE_LIMITS } from '../core/image.ts';
import type { Hit } from '../core/vector-store.ts';
import type { Source, SourceItem } from '../runner/ports.ts';
import { counted, grouped, percent } from '../runner/quantity.ts';
import type { ReindexState } from '../runner/reindex-state.ts';
import type { ComparedQuery, Comparison } from '../search/compare-indexes.ts';
import { type PagePhoto, type PageSection, photoPage } from './photo-page.ts';
import { FIGURES_STYLE, figuresHtml, signed, three } from './reindex-figures.ts';

/** Queries on the page: those that changed most. */
const SHOWN_QUERIES = 8;
const SHOWN_HITS = 5;
/** Pixels: an answer on one line. */
const SIDE = 165;

export function countsText({ position, embedded, copied, unchanged, failed }: ReindexState): string {
  const [done, copies, same, broken] = [embedded, copied, unchanged, failed].map(grouped);
  return `${counted(position, 'image')}: ${done} embedded, ${copies} copied, ${same} unchanged, ${broken} failed`;
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
  const photo = (id: string, note: string, marked = false): PagePhoto => ({
    name: id,
    note,
    marked,
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
        .map(({ id, score }) =>
          others.has(id) ? photo(id, three(score)) : photo(id, `${three(score)} (only here)`, true),
        );
    const title = `${query.id}: ${percent(query.overlap, 1)} in common`;
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
  const verdict =
    objections.length === 0
      ? 'Nothing speaks against the new index.'
      : `Against the new index: ${objections.join(' ')}`;
  const lead =
    `${verdict} ${countsText(state)}. Over ${counted(queries.length, 'query')} ${percent(overlap.mean, 1)} of the ${topK} ` +
    `nearest are the same, the nearest in ${percent(sameFirst, 1)}; scores move by ${signed(shift)}. ` +
    'Below the tables are the queries whose answers changed most, hits that only one index found in a frame.';
  yield* photoPage(`${state.alias}: from ${state.before} to ${state.after}`, lead, sections, {
    side: SIDE,
    figures: figuresHtml(comparison, state),
    style: FIGURES_STYLE,
  });
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
