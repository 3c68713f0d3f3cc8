// The map of the index: moved, zoomed, and asked.

import { describe, expect, test } from 'vitest';
import { drivePage, samples } from './page-driver.ts';

const driver = drivePage();
const { open, sees, chooseSample } = driver;

describe('the map', () => {
  const placeOf = async () =>
    (await driver.page.locator('#map [aria-current]').boundingBox()) ?? { x: 0, y: 0 };
  /** The map moves with the next frame. */
  const settled = () =>
    driver.page.evaluate('new Promise((done) => requestAnimationFrame(() => requestAnimationFrame(done)))');

  /** Of each button its place, by name, relative to what was asked with. */
  const places = async () => {
    const from = await placeOf();
    const boxes: [string, number][] = [];
    for (const button of await driver.page.locator('#map button').all()) {
      const box = await button.boundingBox();
      boxes.push([(await button.getAttribute('aria-label')) ?? '', (box?.x ?? Number.NaN) - from.x]);
    }
    return new Map(boxes);
  };

  test('moves and zooms by keyboard and by buttons', async () => {
    await open();
    await chooseSample('cat');
    const { page } = driver;
    await page.locator('#map').scrollIntoViewIfNeeded();
    const before = await placeOf();
    const wide = await places();
    await page.locator('#map').press('ArrowLeft');
    await settled();
    expect((await placeOf()).x).toBeCloseTo(before.x + 40, 0);
    await page.locator('#zoom-in').click();
    await settled();
    // What was asked with stays, the others go away from it.
    expect((await placeOf()).x).toBeCloseTo(before.x + 40, 0);
    const common = [...(await places())].filter(([name, x]) => name !== 'cat' && wide.has(name) && x !== 0);
    expect(common.length).toBeGreaterThan(0);
    for (const [name, x] of common) expect(x / (wide.get(name) ?? 0)).toBeCloseTo(1.4, 1);
    await page.locator('#map').press('0');
    await settled();
    expect((await placeOf()).x).toBeCloseTo(before.x, 0);
  });

  test('zooms by wheel about the pointer, and is dragged', async () => {
    await open();
    await chooseSample('cat');
    const { page } = driver;
    await page.locator('#map').scrollIntoViewIfNeeded();
    const { x, y } = await placeOf();
    const asked: string[] = [];
    page.on('request', (request) => asked.push(request.url()));
    await page.mouse.move(x + 20, y + 20);
    await page.mouse.wheel(0, -200);
    await settled();
    const zoomed = await placeOf();
    expect(Math.abs(zoomed.x - x)).toBeLessThan(20);
    await page.mouse.down();
    await page.mouse.move(x - 10, y + 20, { steps: 3 });
    await page.mouse.up();
    await settled();
    expect((await placeOf()).x).toBeCloseTo(zoomed.x - 30, 0);
    // A drag chooses nothing.
    expect(asked).toEqual([]);
  });

  test('zooms by two fingers', async () => {
    const { page } = driver;
    await open();
    await chooseSample('cat');
    await page.locator('#map').scrollIntoViewIfNeeded();
    const box = (await page.locator('#map').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
    const wide = await places();
    const session = await page.context().newCDPSession(page);
    await session.send('Emulation.setTouchEmulationEnabled', { enabled: true, maxTouchPoints: 2 });
    const fingers = (type: 'touchStart' | 'touchMove', apart: number) => {
      const y = box.y + box.height / 2;
      const middle = box.x + box.width / 2;
      const touchPoints = [-apart, apart].map((x, id) => ({ x: middle + x, y, id }));
      return session.send('Input.dispatchTouchEvent', { type, touchPoints });
    };
    await fingers('touchStart', 40);
    for (const apart of [50, 60, 70, 80]) await fingers('touchMove', apart);
    await session.send('Input.dispatchTouchEvent', { type: 'touchEnd', touchPoints: [] });
    await settled();
    const near = [...(await places())].filter(([name, x]) => name !== 'cat' && wide.has(name) && x !== 0);
    expect(near.length).toBeGreaterThan(0);
    for (const [name, x] of near) expect(x / (wide.get(name) ?? 0)).toBeCloseTo(2, 0);
  });

  test('zooming in gives more photographs room; one of them is a click away', async () => {
    await open();
    await chooseSample('cat');
    const { page } = driver;
    const names = () =>
      page.locator('#map button').evaluateAll((all) => all.map((one) => one.getAttribute('aria-label')));
    const few = await names();
    expect(few.length).toBeLessThan(samples.length);
    const other = few.find((name) => name !== 'cat') ?? '';
    for (let step = 0; step < 3; step += 1) await page.locator('#zoom-in').click();
    await settled();
    expect((await names()).filter((name) => !few.includes(name)).length).toBeGreaterThan(0);
    await page.locator('#zoom-reset').click();
    await settled();
    await page.locator('#map').getByRole('button', { name: other, exact: true }).click();
    await sees('#status', `${other}: done.`);
  });

  test('every item is a dot; those with room around them are photographs, the more the nearer', async () => {
    const { page } = driver;
    // Of each drawing the dots, from the panel's centre.
    await page.addInitScript(`const { setTransform, arc } = CanvasRenderingContext2D.prototype;
      Object.assign(CanvasRenderingContext2D.prototype, {
        setTransform(...matrix) { globalThis.dots = []; setTransform.apply(this, matrix); },
        arc(x, y, ...others) { globalThis.dots.push([x, y]); arc.call(this, x, y, ...others); },
      });`);
    await open();
    await chooseSample('cat');
    const look = async () => {
      await settled();
      const box = (await page.locator('#map').boundingBox()) ?? { x: 0, y: 0, width: 0, height: 0 };
      const dots: [number, number][] = await page.evaluate('globalThis.dots');
      const buttons = await Promise.all(
        (await page.locator('#map button').all()).map((one) => one.boundingBox()),
      );
      const centres = buttons.map((one) => [
        (one?.x ?? 0) + (one?.width ?? 0) / 2 - box.x - box.width / 2,
        (one?.y ?? 0) + (one?.height ?? 0) / 2 - box.y - box.height / 2,
      ]);
      const distances = (of: number[], to: number[][]) =>
        to.map(([x = 0, y = 0]) => Math.max(Math.abs(x - (of[0] ?? 0)), Math.abs(y - (of[1] ?? 0))));
      return { box, dots, centres, distances };
    };
    const far = await look();
    expect(far.dots).toHaveLength(samples.length);
    for (const [place, centre] of far.centres.entries()) {
      expect(Math.min(...far.distances(centre, far.dots))).toBeLessThan(2);
      const others = far.centres.toSpliced(place, 1);
      expect(Math.min(...far.distances(centre, others))).toBeGreaterThan(50);
    }
    for (let step = 0; step < 8; step += 1) await page.locator('#zoom-in').click();
    const near = await look();
    expect(near.dots).toHaveLength(samples.length);
    const inSight = near.dots.filter(
      ([x, y]) => Math.abs(x) < near.box.width / 2 && Math.abs(y) < near.box.height / 2,
    );
    expect(inSight.length).toBeGreaterThan(0);
    for (const dot of inSight) expect(Math.min(...near.distances(dot, near.centres))).toBeLessThan(60);
  });
});
