// Moving and zooming the map: by mouse and wheel, by fingers, by keys.

import type { Point } from './map-view.ts';

export interface Gestures {
  readonly move: (x: number, y: number) => void;
  readonly zoom: (factor: number, at?: Point) => void;
  readonly reset: () => void;
}

export const ZOOM_STEP = 1.4;
/** Pixels per arrow key. */
const PAN_STEP = 40;
/** Pixels of movement from which a press is a drag, not a click. */
const DRAG = 5;
/** Pixels of a wheel that zoom by e. */
const WHEEL = 300;

export function listenForGestures(panel: HTMLElement, { move, zoom, reset }: Gestures): void {
  const pointers = new Map<number, Point>();
  let dragged = false;
  const fromCentre = ({ clientX, clientY }: MouseEvent): Point => {
    const box = panel.getBoundingClientRect();
    return { x: clientX - box.left - box.width / 2, y: clientY - box.top - box.height / 2 };
  };

  panel.addEventListener(
    'wheel',
    (event) => {
      event.preventDefault();
      zoom(Math.exp(-event.deltaY / WHEEL), fromCentre(event));
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
      zoom(distance(after, other) / Math.max(1, distance(before, other)), other);
    } else if (dragged || distance(before, after) > DRAG) {
      dragged = true;
      // And what lies under the pointer when it is let go is not clicked.
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
      '+': () => zoom(ZOOM_STEP),
      '=': () => zoom(ZOOM_STEP),
      '-': () => zoom(1 / ZOOM_STEP),
      '0': reset,
    };
    const action = actions[event.key];
    if (action === undefined || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    action();
  });
}

function distance(a: Point, b: Point): number {
  return Math.hypot(a.x - b.x, a.y - b.y);
}
