import { describe, expect, test } from 'vitest';
import { createEmbedder, type EmbedderParts, type ImageSource } from '../../core/embedder.ts';
import { InputError, ModelError } from '../../core/errors.ts';
import type { Engine, ImageBatch, ImageDecoder } from '../../core/ports.ts';
import { TAPS, type Tap, type TapOutputs } from '../../core/taps.ts';

const CROP = 4;
const WIDTH = 2 * 49;

/** An "encoded image" is one byte, its grey; 0 is damaged. Twice as wide as high. */
const decoder: ImageDecoder & { shortSides: (number | undefined)[] } = {
  shortSides: [],
  async decode(bytes, _limits, shortSide) {
    this.shortSides.push(shortSide);
    const grey = bytes[0] ?? 0;
    if (grey === 0) throw new InputError('invalid_image', 'damaged');
    const data = new Uint8Array(16 * 8 * 3).fill(grey);
    data.fill(0, 0, 3);
    return { width: 16, height: 8, data };
  },
};

/** Every value of a tap is the grey in the middle of the crop. */
function fakeEngine(): Engine & { batches: ImageBatch[] } {
  const batches: ImageBatch[] = [];
  return {
    batches,
    name: 'fake',
    precision: 'int8',
    async run(batch, taps) {
      batches.push(batch);
      const outputs: TapOutputs = {};
      for (const tap of taps) {
        outputs[tap] = Float32Array.from({ length: batch.images * WIDTH }, (_, index) => {
          const image = Math.floor(index / WIDTH);
          return batch.data[(image + 0.5) * CROP * CROP * 3] ?? 0;
        });
      }
      return { outputs, times: { backbone: 10, head: taps.length } };
    },
    memoryBytes: () => 0,
    dispose: async () => undefined,
  };
}

const image = (grey: number, rest: Omit<ImageSource, 'read'> = {}): ImageSource => ({
  read: () => Uint8Array.of(grey),
  ...rest,
});

function parts(engine: Engine, overrides: Partial<EmbedderParts> = {}): EmbedderParts {
  let clock = 0;
  return {
    decoder,
    engine,
    sizes: { resize: CROP, crop: CROP },
    limits: { maxBytes: 100, maxPixels: 1000 },
    batchSize: 2,
    now: () => {
      clock += 1;
      return clock;
    },
    ...overrides,
  };
}

const values = (outcomes: readonly ({ value: Float32Array } | { error: unknown })[]) =>
  outcomes.map((outcome) => ('value' in outcome ? outcome.value[0] : outcome.error));

describe('the embedder', () => {
  test('gives the taps of each image, in order, whatever the batches', async () => {
    const images = [10, 20, 30, 40, 50].map((grey) => image(grey));
    for (const batchSize of [1, 2, 5, 16]) {
      const engine = fakeEngine();
      const { outcomes } = await createEmbedder(parts(engine, { batchSize })).run(images, TAPS);
      const expected = [10, 20, 30, 40, 50];
      for (const tap of TAPS) {
        expect(
          outcomes.map((outcome) => ('value' in outcome ? outcome.value[tap]?.at(-1) : undefined)),
        ).toEqual(expected);
      }
      expect(engine.batches.map((batch) => batch.images)).toEqual(
        Array.from({ length: Math.ceil(5 / batchSize) }, (_, index) =>
          Math.min(batchSize, 5 - index * batchSize),
        ),
      );
    }
  });

  test('one bad image fails no other: unreadable, damaged, or a crop outside of it', async () => {
    const engine = fakeEngine();
    const unreadable: ImageSource = {
      read: () => {
        throw new InputError('invalid_option', 'unreadable');
      },
    };
    const outside = image(9, { crop: { unit: 'pixels', left: 10, top: 0, width: 10, height: 2 } });
    const descriptor = { layer: 'features', pool: 'none', normalize: false } as const;
    const { outcomes } = await createEmbedder(parts(engine)).embed(
      [image(1), image(0), image(2), unreadable, outside, image(3)],
      descriptor,
    );
    expect(values(outcomes)).toEqual([
      1,
      expect.objectContaining({ code: 'invalid_image' }),
      2,
      expect.objectContaining({ message: 'unreadable' }),
      expect.objectContaining({ param: 'crop' }),
      3,
    ]);
    expect(engine.batches.map((batch) => batch.images)).toEqual([1, 1, 1]);
  });

  test('runs nothing when no image is good', async () => {
    const engine = fakeEngine();
    const { outcomes } = await createEmbedder(parts(engine)).run([image(0), image(0)], ['features']);
    expect(outcomes.every((outcome) => 'error' in outcome)).toBe(true);
    expect(engine.batches).toEqual([]);
  });

  test('a failing engine fails the call: no image is to blame', async () => {
    const engine: Engine = {
      ...fakeEngine(),
      run: () => Promise.reject(new ModelError('out_of_memory', 'full')),
    };
    await expect(createEmbedder(parts(engine)).run([image(1)], ['features'])).rejects.toThrow('full');
  });

  test('cuts the crop box out before resizing, from the image at full size', async () => {
    decoder.shortSides.length = 0;
    const box = { unit: 'fractions', left: 0, top: 0, width: 1 / 16, height: 1 / 8 } as const;
    const descriptor = { layer: 'features', pool: 'max', normalize: false } as const;
    const { outcomes } = await createEmbedder(parts(fakeEngine())).embed(
      [image(7), image(7, { crop: box })],
      descriptor,
    );
    expect(values(outcomes)).toEqual([7, 0]);
    expect(decoder.shortSides).toEqual([CROP, undefined]);
  });

  test('tells how long describing took', async () => {
    let time = 0;
    const embedder = createEmbedder(parts(fakeEngine(), { now: () => time }));
    const { outcomes, times } = await embedder.embedWith([image(1), image(0), image(2)], ['features'], () => {
      time += 7;
      return Float32Array.of(time);
    });
    expect(values(outcomes)).toEqual([7, expect.objectContaining({ code: 'invalid_image' }), 14]);
    expect(times).toMatchObject({ decode: 0, descriptor: 14 });
  });

  test.each([
    [{ pool: 'none', normalize: false }, WIDTH, 5],
    [{ pool: 'avg', normalize: false }, 2, 5],
    [{ pool: 'avg', normalize: true }, 2, Math.fround(Math.SQRT1_2)],
  ] as const)('describes with %j', async (options, length, first) => {
    const descriptor = { layer: 'features' as Tap, ...options };
    const { outcomes } = await createEmbedder(parts(fakeEngine())).embed([image(5)], descriptor);
    const [outcome] = outcomes;
    const vector = outcome !== undefined && 'value' in outcome ? outcome.value : new Float32Array();
    expect(vector).toHaveLength(length);
    expect(vector[0]).toBe(first);
  });

  test('tells the time of each phase, summed over the images', async () => {
    const { times } = await createEmbedder(parts(fakeEngine())).run(
      [image(1), image(0), image(2)],
      ['features', 'fc6'],
    );
    expect(times).toMatchObject({ backbone: 20, head: 4 });
    expect(times.decode).toBeGreaterThan(0);
    expect(times.preprocess).toBeGreaterThan(0);
  });
});
