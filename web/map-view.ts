// Which part of the plane is seen: moving, zooming, and which points have room for a picture.

/** In pixels from the panel's centre. */
export interface Point {
  readonly x: number;
  readonly y: number;
}

export interface View {
  /** 1: everything is seen. */
  readonly zoom: number;
  /** Where the plane's origin lies. */
  readonly offset: Point;
}

export interface Size {
  readonly width: number;
  readonly height: number;
}

export const WHOLE: View = { zoom: 1, offset: { x: 0, y: 0 } };
export const LARGEST_ZOOM = 40;

/** Part of the panel's half that the outermost points take at zoom 1. */
const MARGIN = 0.86;
/** Pixels between the centres of two pictures, as a part of their side. */
const OVERLAP = 0.85;

/** Where a place of the plane, −1…1 on both axes, is seen. */
export function project([x, y]: readonly [number, number], { zoom, offset }: View, size: Size): Point {
  return {
    x: offset.x + (x * zoom * MARGIN * size.width) / 2,
    y: offset.y + (y * zoom * MARGIN * size.height) / 2,
  };
}

export function moved({ zoom, offset }: View, x: number, y: number, size: Size): View {
  return within({ zoom, offset: { x: offset.x + x, y: offset.y + y } }, size);
}

/** What lies at the point stays there. */
export function zoomed({ zoom, offset }: View, factor: number, at: Point, size: Size): View {
  const next = Math.min(LARGEST_ZOOM, Math.max(1, zoom * factor));
  const change = next / zoom;
  return within(
    { zoom: next, offset: { x: at.x - (at.x - offset.x) * change, y: at.y - (at.y - offset.y) * change } },
    size,
  );
}

/** Something of the plane stays in sight, however far it is dragged. */
function within({ zoom, offset }: View, { width, height }: Size): View {
  const clamp = (value: number, side: number) => {
    const most = (side / 2) * zoom * MARGIN;
    return Math.min(most, Math.max(-most, value));
  };
  return { zoom, offset: { x: clamp(offset.x, width), y: clamp(offset.y, height) } };
}

/**
 * Of the points, in order of importance, those in sight that lie far enough from each other for pictures of
 * `side` pixels; at most `count`. Their numbers.
 */
export function withRoom(
  points: readonly Point[],
  { width, height }: Size,
  side: number,
  count: number,
): number[] {
  const apart = side * OVERLAP;
  const taken = new Map<string, Point[]>();
  const chosen: number[] = [];
  for (const [number, point] of points.entries()) {
    if (chosen.length === count) break;
    if (Math.abs(point.x) > (width + side) / 2 || Math.abs(point.y) > (height + side) / 2) continue;
    const column = Math.floor(point.x / apart);
    const row = Math.floor(point.y / apart);
    const isFree = neighbours(column, row).every((cell) =>
      (taken.get(cell) ?? []).every(
        (other) => Math.max(Math.abs(other.x - point.x), Math.abs(other.y - point.y)) >= apart,
      ),
    );
    if (!isFree) continue;
    chosen.push(number);
    const cell = `${column} ${row}`;
    taken.set(cell, [...(taken.get(cell) ?? []), point]);
  }
  return chosen;
}

function neighbours(column: number, row: number): string[] {
  const steps = [-1, 0, 1];
  return steps.flatMap((down) => steps.map((across) => `${column + across} ${row + down}`));
}
