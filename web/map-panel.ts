// The whole index on a plane, to move and to zoom.

import { element, find } from './dom.ts';
import type { Photo } from './photo.ts';
import { principalPlane } from './principal-plane.ts';

const LARGEST_ZOOM = 12;
const ZOOM_STEP = 1.4;
/** Pixels per arrow key. */
const PAN_STEP = 40;
/** Part of the panel's half that the outermost photographs take at zoom 1. */
const MARGIN = 0.82;
/** Pixels of movement from which a press is a drag, not a click. */
const DRAG = 5;

export interface MapPanel {
  show(items: readonly { photo: Photo; vector: Float32Array }[], current: string): void;
}

export function createMapPanel(onChoose: (photo: Photo) => void): MapPanel {
  const section = find('map-section', HTMLElement);
  const panel = find('map', HTMLElement);
  const pointers = new Map<number, { x: number; y: number }>();
  let points: { button: HTMLButtonElement; x: number; y: number }[] = [];
  let zoom = 1;
  let offset = { x: 0, y: 0 };
  let dragged = false;

  const place = () => {
    const { clientWidth: width, clientHeight: height } = panel;
    for (const { button, x, y } of points) {
      button.style.left = `${width / 2 + offset.x + (x * zoom * MARGIN * width) / 2}px`;
      button.style.top = `${height / 2 + offset.y + (y * zoom * MARGIN * height) / 2}px`;
    }
  };
  const move = (x: number, y: number) => {
    offset = { x: offset.x + x, y: offset.y + y };
    place();
  };
  /** What lies at the point, in pixels from the centre, stays there. */
  const zoomAt = (factor: number, at = { x: 0, y: 0 }) => {
    const next = Math.min(LARGEST_ZOOM, Math.max(1, zoom * factor));
    const change = next / zoom;
    offset = { x: at.x - (at.x - offset.x) * change, y: at.y - (at.y - offset.y) * change };
    zoom = next;
    place();
  };
  const reset = () => {
    zoom = 1;
    offset = { x: 0, y: 0 };
    place();
  };
  const fromCentre = ({ clientX, clientY }: MouseEvent) => {
    const box = panel.getBoundingClientRect();
    return { x: clientX - box.left - box.width / 2, y: clientY - box.top - box.height / 2 };
  };

  panel.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      zoomAt(Math.exp(-event.deltaY / 300), fromCentre(event));
    },
    { passive: false },
  );
  panel.addEventListener('pointerdown', (event) => {
    if (pointers.size === 0) dragged = false;
    pointers.set(event.pointerId, fromCentre(event));
  });
  panel.addEventListener('pointermove', (event) => {
    const before = pointers.get(event.pointerId);
    if (before === undefined) return;
    const after = fromCentre(event);
    const [other] = [...pointers].filter(([id]) => id !== event.pointerId).map(([, point]) => point);
    if (other !== undefined) {
      dragged = true;
      zoomAt(distance(after, other) / Math.max(1, distance(before, other)), other);
    } else if (dragged || distance(before, after) > DRAG) {
      dragged = true;
      panel.setPointerCapture(event.pointerId);
      move(after.x - before.x, after.y - before.y);
    } else return;
    pointers.set(event.pointerId, after);
  });
  for (const type of ['pointerup', 'pointercancel', 'pointerleave'] as const) {
    panel.addEventListener(type, ({ pointerId }) => pointers.delete(pointerId));
  }
  panel.addEventListener('keydown', (event) => {
    const actions: Readonly<Record<string, () => void>> = {
      ArrowLeft: () => move(PAN_STEP, 0),
      ArrowRight: () => move(-PAN_STEP, 0),
      ArrowUp: () => move(0, PAN_STEP),
      ArrowDown: () => move(0, -PAN_STEP),
      '+': () => zoomAt(ZOOM_STEP),
      '-': () => zoomAt(1 / ZOOM_STEP),
      '0': reset,
    };
    const action = actions[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    action();
  });
  find('zoom-in', HTMLButtonElement).addEventListener('click', () => zoomAt(ZOOM_STEP));
  find('zoom-out', HTMLButtonElement).addEventListener('click', () => zoomAt(1 / ZOOM_STEP));
  find('zoom-reset', HTMLButtonElement).addEventListener('click', reset);
  new ResizeObserver(place).observe(panel);

  return {
    show(items, current) {
      section.hidden = items.length < 2;
      const places = principalPlane(items.map(({ vector }) => vector));
      points = items.map(({ photo }, index) => {
        const [x, y] = places[index] ?? [0, 0];
        const isCurrent = photo.id === current ? 'true' : undefined;
        const button = element('button', { type: 'button', 'aria-current': isCurrent }, [
          element('img', { src: photo.thumbnail, alt: photo.name }),
        ]);
        button.addEventListener('click', () => {
          if (!dragged) onChoose(photo);
        });
        return { button, x, y };
      });
      panel.replaceChildren(...points.map(({ button }) => button));
      place();
    },
  };
}

function distance(a: { x: number; y: number }, b: { x: number; y: number }): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
