// The whole index on a plane: every item a dot, as many of them as there is room for a button, with its
// photograph where the page has it. Zooming in makes room.

import { element, find } from './dom.ts';
import { listenForGestures, ZOOM_STEP } from './map-gestures.ts';
import { moved, type Point, project, type Size, type View, WHOLE, withRoom, zoomed } from './map-view.ts';
import type { Photo } from './photo.ts';
import { type Place, principalPlane } from './principal-plane.ts';

/** Pixels of a photograph's side: smaller where there are many, and on phones. */
const PICTURE = 64;
const SMALL_PICTURE = 44;
/** Of an item without its photograph: what a finger still hits. */
const DOT_BUTTON = 24;
const MANY = 150;
const NARROW = 600;
/** Buttons at once: what a page moves smoothly, and a keyboard gets through. */
const MOST_BUTTONS = 120;
const DOT_RADIUS = 3;
/** Hits that are joined to what was asked with. */
const JOINED = 5;

export interface MapItem {
  readonly id: string;
  readonly vector: Float32Array;
  readonly photo: Photo | undefined;
}

export interface MapContent {
  readonly items: readonly MapItem[];
  /** Items of the index, of which `items` may be a sample. */
  readonly total: number;
  /** What was asked with. */
  readonly current: string;
  /** The best first. */
  readonly hits: readonly string[];
}

export interface MapPanel {
  show(content: MapContent): void;
}

interface MapPoint extends MapItem {
  readonly place: Place;
}

/** `onChoose` is told the id of an item that is asked with. */
export function createMapPanel(onChoose: (id: string) => void): MapPanel {
  const section = find('map-section', HTMLElement);
  const panel = find('map', HTMLElement);
  const canvas = find('map-dots', HTMLCanvasElement);
  /** Kept, so that what has the focus keeps it while the map moves. */
  const buttons = new Map<string, HTMLButtonElement>();
  let points: readonly MapPoint[] = [];
  let current = '';
  let hits: readonly string[] = [];
  let view: View = WHOLE;
  let isDrawing = false;

  const size = (): Size => ({ width: panel.clientWidth, height: panel.clientHeight });
  const draw = () => {
    isDrawing = false;
    const { width, height } = size();
    const seen = points.map(({ place }) => project(place, view, { width, height }));
    drawDots(canvas, seen, { width, height }, joins(points, seen, current, hits));
    const side = points.length > MANY || width < NARROW ? SMALL_PICTURE : PICTURE;
    const room = points.some(({ photo }) => photo !== undefined) ? side : DOT_BUTTON;
    const shown = new Set<string>();
    for (const number of withRoom(seen, { width, height }, room, MOST_BUTTONS)) {
      const point = points[number];
      const at = seen[number];
      if (point === undefined || at === undefined) continue;
      shown.add(point.id);
      const button = buttons.get(point.id) ?? addButton(point);
      button.style.setProperty('--side', `${point.photo === undefined ? DOT_BUTTON : side}px`);
      button.style.transform = `translate(${at.x + width / 2}px, ${at.y + height / 2}px)`;
    }
    for (const [id, button] of buttons) {
      if (shown.has(id) || button === document.activeElement) continue;
      button.remove();
      buttons.delete(id);
    }
  };
  const addButton = ({ id, photo }: MapPoint): HTMLButtonElement => {
    const kind = `${photo === undefined ? 'dot' : ''} ${hits.includes(id) ? 'hit' : ''}`;
    const name = photo?.name ?? id;
    const button = element(
      'button',
      {
        type: 'button',
        class: kind.trim(),
        title: name,
        'aria-label': name,
        'aria-current': id === current ? 'true' : undefined,
        'data-id': id,
      },
      photo === undefined ? [] : [element('img', { src: photo.thumbnail, alt: '' })],
    );
    button.addEventListener('click', () => onChoose(id));
    buttons.set(id, button);
    panel.append(button);
    return button;
  };
  const see = (next: View) => {
    view = next;
    // While everything is seen, a finger on the map still scrolls the page.
    panel.classList.toggle('near', view.zoom > 1);
    if (isDrawing) return;
    isDrawing = true;
    requestAnimationFrame(draw);
  };
  /** Without a pointer it is what was asked with that stays where it is, if it is in sight. */
  const middle = (): Point => {
    const point = points.find(({ id }) => id === current);
    const { width, height } = size();
    const at = point === undefined ? { x: 0, y: 0 } : project(point.place, view, { width, height });
    return Math.abs(at.x) > width / 2 || Math.abs(at.y) > height / 2 ? { x: 0, y: 0 } : at;
  };
  const zoom = (factor: number, at: Point = middle()) => see(zoomed(view, factor, at, size()));
  listenForGestures(panel, {
    move: (x, y) => see(moved(view, x, y, size())),
    zoom,
    reset: () => see(WHOLE),
  });
  find('zoom-in', HTMLButtonElement).addEventListener('click', () => zoom(ZOOM_STEP));
  find('zoom-out', HTMLButtonElement).addEventListener('click', () => zoom(1 / ZOOM_STEP));
  find('zoom-reset', HTMLButtonElement).addEventListener('click', () => see(WHOLE));
  new ResizeObserver(() => see(view)).observe(panel);
  // The dots have the page's colours.
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => see(view));

  return {
    show(content) {
      section.hidden = content.items.length < 2;
      if (section.hidden) return;
      current = content.current;
      hits = content.hits;
      points = byImportance(content);
      for (const button of buttons.values()) button.remove();
      buttons.clear();
      find('map-text', HTMLElement).textContent = describe(content);
      draw();
    },
  };
}

/** What was asked with and its hits come first, then what has a photograph: they get the room. */
function byImportance({ items, current, hits }: MapContent): MapPoint[] {
  const places = principalPlane(items.map(({ vector }) => vector));
  const rank = new Map(hits.map((id, index) => [id, index]));
  const importance = ({ id, photo }: MapItem) =>
    id === current ? -1 : (rank.get(id) ?? (photo === undefined ? Number.MAX_SAFE_INTEGER : items.length));
  return items
    .map((item, index) => ({ ...item, place: places[index] ?? ([0, 0] as const) }))
    .toSorted((a, b) => importance(a) - importance(b));
}

function describe({ items, total, current }: MapContent): string {
  const [shown, all] = [items.length, total].map((count) => count.toLocaleString('en'));
  const which = items.length < total ? `A sample of ${shown} of the ${all} items` : `All ${shown} items`;
  const lines = items.some(({ id }) => id === current) ? ' Lines lead to the best hits.' : '';
  return `${which} of the index, each where the two principal components of its vector put it: what is near is alike.${lines}`;
}

/** From what was asked with to its best hits. */
function joins(
  points: readonly MapPoint[],
  seen: readonly Point[],
  current: string,
  hits: readonly string[],
): readonly (readonly [Point, Point])[] {
  const at = (id: string) => seen[points.findIndex((point) => point.id === id)];
  const from = at(current);
  if (from === undefined) return [];
  return hits.slice(0, JOINED).flatMap((id) => {
    const to = at(id);
    return to === undefined ? [] : [[from, to] as const];
  });
}

function drawDots(
  canvas: HTMLCanvasElement,
  points: readonly Point[],
  { width, height }: Size,
  lines: readonly (readonly [Point, Point])[],
): void {
  const scale = devicePixelRatio;
  canvas.width = width * scale;
  canvas.height = height * scale;
  const context = canvas.getContext('2d');
  if (context === null) return;
  context.setTransform(scale, 0, 0, scale, (width * scale) / 2, (height * scale) / 2);
  context.strokeStyle = getComputedStyle(canvas).color;
  context.fillStyle = context.strokeStyle;
  context.globalAlpha = 0.5;
  for (const [from, to] of lines) {
    context.beginPath();
    context.moveTo(from.x, from.y);
    context.lineTo(to.x, to.y);
    context.stroke();
  }
  for (const { x, y } of points) {
    context.beginPath();
    context.arc(x, y, DOT_RADIUS, 0, 2 * Math.PI);
    context.fill();
  }
}
