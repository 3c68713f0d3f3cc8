// The photographs to choose from: the visitor's own first, then the samples. One stop of the Tab key; the
// arrows move within.

import { element, find } from './dom.ts';
import { isSample, type Photo } from './photo.ts';

export interface PhotoStrip {
  show(photos: Iterable<Photo>): void;
  mark(id: string): void;
}

/** Rows of the style sheet's grid, which is filled column by column. */
const ROWS = 2;

export function createPhotoStrip(onChoose: (photo: Photo) => void): PhotoStrip {
  const bar = find('samples', HTMLElement);
  let marked = '';

  const buttons = () => [...bar.querySelectorAll('button')];
  const stopAt = (stop: HTMLButtonElement | undefined) => {
    for (const button of buttons()) button.tabIndex = button === stop ? 0 : -1;
  };
  const mark = () => {
    const all = buttons();
    for (const button of all) button.setAttribute('aria-pressed', String(button.dataset.id === marked));
    const chosen = all.find(({ dataset }) => dataset.id === marked);
    stopAt(chosen ?? all[0]);
    if (chosen !== undefined) bringIntoSight(chosen);
  };
  /** Without moving the page, as scrollIntoView would. */
  const bringIntoSight = ({ offsetLeft, offsetWidth }: HTMLElement) => {
    const left = offsetLeft - bar.offsetLeft;
    const isInSight = left >= bar.scrollLeft && left + offsetWidth <= bar.scrollLeft + bar.clientWidth;
    if (!isInSight) bar.scrollLeft = left - (bar.clientWidth - offsetWidth) / 2;
  };
  /** Where the photographs end at the strip's edge by chance, nothing else says that there are more. */
  const fade = () => {
    bar.classList.toggle('more', bar.scrollLeft + bar.clientWidth < bar.scrollWidth - 1);
  };
  bar.addEventListener('scroll', fade, { passive: true });
  new ResizeObserver(fade).observe(bar);

  bar.addEventListener('keydown', (event) => {
    const all = buttons();
    const place = all.findIndex((button) => button.matches(':focus'));
    const next: Readonly<Record<string, number>> = {
      ArrowLeft: place - ROWS,
      ArrowRight: place + ROWS,
      ArrowUp: place - 1,
      ArrowDown: place + 1,
      Home: 0,
      End: all.length - 1,
    };
    const button = all[next[event.key] ?? -1];
    if (place === -1 || button === undefined) return;
    event.preventDefault();
    stopAt(button);
    button.focus();
  });

  return {
    show(photos) {
      const all = [...photos];
      const ordered = [...all.filter((photo) => !isSample(photo)), ...all.filter(isSample)];
      bar.replaceChildren(...ordered.map((photo) => stripButton(photo, onChoose)));
      mark();
      fade();
    },
    mark(id) {
      marked = id;
      mark();
    },
  };
}

function stripButton(photo: Photo, onChoose: (photo: Photo) => void): HTMLButtonElement {
  const { id, name, what, thumbnail } = photo;
  const button = element('button', { type: 'button', class: 'photo', 'data-id': id, title: what }, [
    element('img', { src: thumbnail, alt: '', width: '80', height: '80' }),
    element('span', {}, [name]),
  ]);
  button.addEventListener('click', () => onChoose(photo));
  return button;
}
