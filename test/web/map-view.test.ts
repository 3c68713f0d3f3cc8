import { describe, expect, test } from 'vitest';
import { LARGEST_ZOOM, moved, project, WHOLE, withRoom, zoomed } from '../../web/map-view.ts';

const SIZE = { width: 400, height: 200 };

test('at zoom 1 the whole plane is in sight, its origin in the middle', () => {
  expect(project([0, 0], WHOLE, SIZE)).toEqual({ x: 0, y: 0 });
  const corner = project([1, -1], WHOLE, SIZE);
  expect(corner.x).toBeGreaterThan(150);
  expect(corner.x).toBeLessThan(200);
  expect(corner.y).toBe(-corner.x / 2);
});

test('zooming keeps what lies at the pointer where it is', () => {
  const place = [0.3, -0.2] as const;
  const at = project(place, WHOLE, SIZE);
  const view = zoomed(WHOLE, 3, at, SIZE);
  expect(view.zoom).toBe(3);
  const after = project(place, view, SIZE);
  expect(after.x).toBeCloseTo(at.x);
  expect(after.y).toBeCloseTo(at.y);
});

test('the zoom has its ends', () => {
  expect(zoomed(WHOLE, 0.1, { x: 0, y: 0 }, SIZE).zoom).toBe(1);
  expect(zoomed(WHOLE, 1e6, { x: 0, y: 0 }, SIZE).zoom).toBe(LARGEST_ZOOM);
});

test('the plane cannot be lost: its edge stays within the panel', () => {
  const view = moved(WHOLE, 1e6, -1e6, SIZE);
  expect(Math.abs(project([-1, 0], view, SIZE).x)).toBeLessThanOrEqual(SIZE.width / 2);
  expect(Math.abs(project([0, 1], view, SIZE).y)).toBeLessThanOrEqual(SIZE.height / 2);
});

describe('room for pictures', () => {
  const points = (...all: [number, number][]) => all.map(([x, y]) => ({ x, y }));

  test('the more important of two that would lie on each other', () => {
    expect(withRoom(points([0, 0], [10, 10], [60, 0]), SIZE, 40, 10)).toEqual([0, 2]);
  });

  test('across the cells of the grid as well', () => {
    expect(withRoom(points([33, 0], [35, 0], [-1, 0], [1, 0]), SIZE, 40, 10)).toEqual([0, 2]);
  });

  test('none out of sight, and at most so many', () => {
    expect(withRoom(points([1000, 0], [0, 0], [0, 90], [-90, 0]), SIZE, 40, 2)).toEqual([1, 2]);
  });

  test('of thousands no two overlap', () => {
    const many = Array.from({ length: 3000 }, (_, index) => ({
      x: 190 * Math.sin(index * 7.1),
      y: 90 * Math.cos(index * 3.3),
    }));
    const chosen = withRoom(many, SIZE, 30, 1000).map((number) => many[number] ?? { x: 0, y: 0 });
    expect(chosen.length).toBeGreaterThan(20);
    for (const [number, a] of chosen.entries()) {
      for (const b of chosen.slice(number + 1)) {
        expect(Math.max(Math.abs(a.x - b.x), Math.abs(a.y - b.y))).toBeGreaterThanOrEqual(25);
      }
    }
  });
});
