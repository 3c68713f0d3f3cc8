// Photographs by likeness, and which regions of a hit match the photograph that was asked with.

import { type CellMatch, matchRegions } from '../core/region-match.ts';
import { type Hit, MAP_SIDE } from './backend.ts';
import { element, find } from './dom.ts';
import { messageOf } from './page-error.ts';
import type { Photo } from './photo.ts';

/** Matches drawn at once; more would not be told apart. The style sheet has as many colours. */
const SHOWN_MATCHES = 6;
/** Milliseconds that the pointer rests on a hit before its regions are asked for. */
const HOVER_PATIENCE = 150;

export interface SearchPanelOptions {
  readonly photoOf: (id: string) => Photo | undefined;
  /** [channels, 7, 7] of a photograph. */
  readonly featuresOf: (photo: Photo) => Promise<Float32Array>;
  /** Searches with a hit. */
  readonly onChoose: (photo: Photo) => void;
}

export interface SearchPanel {
  show(query: Photo, hits: readonly Hit[]): void;
}

export function createSearchPanel({ photoOf, featuresOf, onChoose }: SearchPanelOptions): SearchPanel {
  const list = find('hits', HTMLUListElement);
  const compare = find('compare', HTMLElement);
  const text = find('compare-text', HTMLElement);
  const go = find('go', HTMLButtonElement);
  const pictures = [
    find('compare-first', HTMLImageElement),
    find('compare-second', HTMLImageElement),
  ] as const;
  const cells = [find('cells-first', HTMLElement), find('cells-second', HTMLElement)] as const;
  let wanted: string | undefined;
  let chosen: Photo | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  go.addEventListener('click', () => {
    if (chosen !== undefined) onChoose(chosen);
  });

  const showRegions = async (query: Photo, hit: Photo) => {
    const pair = `${query.id} ${hit.id}`;
    // An item of the index that was asked with may be here without its photograph.
    if (wanted === pair || query.thumbnail === '') return;
    wanted = pair;
    chosen = hit;
    compare.hidden = false;
    go.textContent = `Search with ${hit.name}`;
    for (const button of list.querySelectorAll('button')) {
      button.setAttribute('aria-pressed', String(button.getAttribute('data-id') === hit.id));
    }
    for (const [place, photo] of [query, hit].entries()) {
      const picture = pictures[place];
      if (picture === undefined) continue;
      picture.src = photo.thumbnail;
      picture.alt = photo.what ?? photo.name;
      cells[place]?.replaceChildren();
    }
    text.textContent = `Comparing ${query.name} with ${hit.name} …`;
    try {
      const [first, second] = await Promise.all([featuresOf(query), featuresOf(hit)]);
      if (wanted !== pair) return;
      const matches = strongest(
        matchRegions(first, second, [first.length / MAP_SIDE ** 2, MAP_SIDE, MAP_SIDE]),
      );
      cells[0].replaceChildren(...matches.map(({ from }, index) => cellMark(from, index)));
      cells[1].replaceChildren(...matches.map(({ to }, index) => cellMark(to, index)));
      text.textContent =
        matches.length === 0
          ? `No region of ${query.name} has its like in ${hit.name}.`
          : `Equal numbers mark the regions of ${query.name} and ${hit.name} most like each other, cosine ${matches
              .map(({ score }) => score.toFixed(2))
              .join(', ')}.`;
    } catch (error) {
      if (wanted !== pair) return;
      text.textContent = messageOf(error);
      wanted = undefined;
    }
  };

  const hitItem = (query: Photo, { id, score }: Hit): HTMLElement => {
    const photo = photoOf(id);
    const figure = element('span', { class: 'score' }, [score.toFixed(3)]);
    if (photo === undefined) {
      return element('li', {}, [element('div', { class: 'missing' }, [id]), figure]);
    }
    const button = element(
      'button',
      { type: 'button', class: 'photo', 'data-id': id, 'aria-pressed': 'false', title: photo.what },
      [
        element('img', { src: photo.thumbnail, alt: '', width: '112', height: '112' }),
        element('span', {}, [photo.name]),
        ' ',
        figure,
      ],
    );
    const ask = (patience: number) => {
      clearTimeout(timer);
      timer = setTimeout(() => showRegions(query, photo), patience);
    };
    button.addEventListener('pointerenter', ({ pointerType }) => {
      if (pointerType === 'mouse') ask(HOVER_PATIENCE);
    });
    button.addEventListener('pointerleave', () => clearTimeout(timer));
    button.addEventListener('focus', () => ask(HOVER_PATIENCE));
    button.addEventListener('click', () => {
      ask(0);
      // On a phone the pictures stand above the hits.
      compare.scrollIntoView({ block: 'nearest' });
    });
    return element('li', {}, [button]);
  };

  return {
    show(query, hits) {
      clearTimeout(timer);
      wanted = undefined;
      compare.hidden = true;
      const others = hits.filter(({ id }) => id !== query.id);
      list.replaceChildren(...others.map((hit) => hitItem(query, hit)));
      find('no-hits', HTMLElement).hidden = others.length > 0;
      const best = others.map(({ id }) => photoOf(id)).find((photo) => photo !== undefined);
      if (best !== undefined) void showRegions(query, best);
    },
  };
}

/** Pairs that choose each other, the most alike first. */
function strongest(matches: readonly CellMatch[]): CellMatch[] {
  return matches
    .filter(({ mutual, score }) => mutual && score > 0)
    .toSorted((a, b) => b.score - a.score)
    .slice(0, SHOWN_MATCHES);
}

function cellMark([row, column]: CellMatch['from'], index: number): HTMLElement {
  const mark = element('span', { class: `c${index}` }, [String(index + 1)]);
  mark.style.gridArea = `${row + 1} / ${column + 1}`;
  return mark;
}
