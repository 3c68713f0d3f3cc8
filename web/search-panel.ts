// Photographs by likeness, and which regions of a hit match the photograph that was asked with.

import type { CellMatch } from '../core/region-match.ts';
import type { Hit } from './backend.ts';
import { element, find } from './dom.ts';
import { messageOf } from './page-error.ts';
import type { Photo } from './photo.ts';

/** Matches drawn at once; more would not be told apart. The style sheet has as many colours. */
const SHOWN_MATCHES = 6;
/** Milliseconds that the pointer rests on a hit before its regions are asked for. */
const HOVER_PATIENCE = 150;

export interface SearchPanelOptions {
  readonly photoOf: (id: string) => Photo | undefined;
  readonly matchRegions: (first: Photo, second: Photo) => Promise<readonly CellMatch[]>;
  readonly onChoose: (photo: Photo) => void;
  readonly onRemove: (photo: Photo) => void;
}

export interface SearchPanel {
  show(query: Photo, hits: readonly Hit[]): void;
}

export function createSearchPanel(options: SearchPanelOptions): SearchPanel {
  const { photoOf, matchRegions, onChoose, onRemove } = options;
  const list = find('hits', HTMLUListElement);
  const compare = find('compare', HTMLElement);
  const text = find('compare-text', HTMLElement);
  const pictures = [
    find('compare-first', HTMLImageElement),
    find('compare-second', HTMLImageElement),
  ] as const;
  const cells = [find('cells-first', HTMLElement), find('cells-second', HTMLElement)] as const;
  let wanted: string | undefined;
  let timer: ReturnType<typeof setTimeout> | undefined;

  const showRegions = async (query: Photo, hit: Photo) => {
    const pair = `${query.id} ${hit.id}`;
    if (wanted === pair) return;
    wanted = pair;
    compare.hidden = false;
    for (const [place, photo] of [query, hit].entries()) {
      const picture = pictures[place];
      if (picture === undefined) continue;
      picture.src = photo.thumbnail;
      picture.alt = photo.name;
      cells[place]?.replaceChildren();
    }
    text.textContent = `Comparing ${query.name} with ${hit.name} …`;
    try {
      const matches = strongest(await matchRegions(query, hit));
      if (wanted !== pair) return;
      cells[0].replaceChildren(...matches.map(({ from }, index) => cellMark(from, index)));
      cells[1].replaceChildren(...matches.map(({ to }, index) => cellMark(to, index)));
      text.textContent =
        matches.length === 0
          ? `No region of ${query.name} has its like in ${hit.name}.`
          : `Equal numbers mark the regions of ${query.name} and ${hit.name} most like each other, cosine ${matches
              .map(({ score }) => score.toFixed(2))
              .join(', ')}.`;
    } catch (error) {
      if (wanted === pair) text.textContent = messageOf(error);
      wanted = undefined;
    }
  };

  const hitItem = (query: Photo, { id, score }: Hit): HTMLElement => {
    const photo = photoOf(id);
    if (photo === undefined) {
      return element('li', {}, [
        element('div', { class: 'missing' }, ['not in this browser']),
        element('span', { class: 'hint' }, [score.toFixed(3)]),
      ]);
    }
    const button = element('button', { type: 'button', class: 'photo', 'data-id': id }, [
      element('img', { src: photo.thumbnail, alt: '' }),
      `${photo.name} ${score.toFixed(3)}`,
    ]);
    const ask = () => {
      clearTimeout(timer);
      timer = setTimeout(() => showRegions(query, photo), HOVER_PATIENCE);
    };
    button.addEventListener('pointerenter', ask);
    button.addEventListener('focus', ask);
    button.addEventListener('pointerleave', () => clearTimeout(timer));
    button.addEventListener('click', () => {
      clearTimeout(timer);
      onChoose(photo);
    });
    if (id.startsWith('sample:')) return element('li', {}, [button]);
    const remove = element(
      'button',
      { type: 'button', class: 'remove', 'aria-label': `Remove ${photo.name}` },
      ['×'],
    );
    remove.addEventListener('click', () => onRemove(photo));
    return element('li', {}, [button, remove]);
  };

  return {
    show(query, hits) {
      clearTimeout(timer);
      wanted = undefined;
      compare.hidden = true;
      list.replaceChildren(...hits.filter(({ id }) => id !== query.id).map((hit) => hitItem(query, hit)));
    },
  };
}

/** Pairs that choose each other, the most alike first; no cell of the other photograph twice. */
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
