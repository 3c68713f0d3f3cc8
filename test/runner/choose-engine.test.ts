// Which engine the runner takes: what fails, hangs or gives wrong numbers is refused by name and the next is
// tried; of what works the fastest is taken.

import { describe, expect, test } from 'vitest';
import { ModelError } from '../../core/errors.ts';
import type { Engine } from '../../core/ports.ts';
import { checkEngine, expectedTaps } from '../../engine/self-check.ts';
import { type Candidate, choose, type Passed } from '../../runner/engines/choose.ts';

const CROP = 8;
const disposed: string[] = [];

function engineOf(name: string, { wrong = false, precision = 'fp32' as Engine['precision'] } = {}): Engine {
  return {
    name,
    precision,
    run: async ({ data }) => ({
      outputs: {
        features: Float32Array.from(data, (value, index) => (wrong && index % 3 === 0 ? 0 : value)),
      },
      times: { backbone: 1, head: 0 },
    }),
    memoryBytes: () => 0,
    dispose: async () => {
      disposed.push(name);
    },
  };
}

const expected = await expectedTaps(engineOf('exact'), CROP, ['features']);

interface Fake {
  readonly id: string;
  readonly fails?: Error;
  readonly wrong?: boolean;
  /** Milliseconds until it opens. */
  readonly after?: number;
}

function candidateOf({ id, fails, wrong = false, after = 0 }: Fake): Candidate {
  return {
    id,
    batchSize: 4,
    limit: 40,
    async open() {
      await new Promise((resolve) => setTimeout(resolve, after));
      if (fails !== undefined) throw fails;
      const engine = engineOf(id, { wrong });
      return { engine, agreement: await checkEngine(engine, expected) };
    },
  };
}

const RATES: Readonly<Record<string, number>> = { 'gpu:fp16': 900, 'gpu:fp32': 500, cpu: 60, kernel: 80 };

async function run(groups: readonly (readonly Fake[])[]) {
  disposed.length = 0;
  const tried: string[] = [];
  const choice = await choose(
    groups.map((group) => group.map(candidateOf)),
    {
      trial: async (passed: readonly Passed[]) => {
        tried.push(...passed.map(({ candidate }) => candidate.id));
        return passed.map(({ candidate }) => RATES[candidate.id] ?? 0);
      },
      trialLength: '2 s',
    },
  );
  return { ...choice, tried };
}

const GPU = { id: 'gpu:fp16' };
const CPU = { id: 'cpu' };
const KERNEL = { id: 'kernel' };

describe('what works', () => {
  test('the fastest is taken, and the reason has the figures of all', async () => {
    const { id, batchSize, reason } = await run([[GPU], [CPU], [KERNEL]]);
    expect({ id, batchSize }).toEqual({ id: 'gpu:fp16', batchSize: 4 });
    expect(reason).toBe(
      'gpu:fp16: 900.0 images/s in a trial of 2 s (kernel 80.0, cpu 60.0); cosine 1.00000 with int8.',
    );
    expect(disposed.toSorted()).toEqual(['cpu', 'kernel']);
  });

  test('of a group only the first takes part', async () => {
    const { tried } = await run([[GPU, { id: 'gpu:fp32' }], [CPU]]);
    expect(tried).toEqual(['gpu:fp16', 'cpu']);
  });

  test('alone it needs no trial', async () => {
    const { reason, tried } = await run([[CPU]]);
    expect(tried).toEqual([]);
    expect(reason).toBe('cpu: cosine 1.00000 with int8.');
  });
});

describe('what does not work is refused by name, and the next is tried', () => {
  test.each<[string, Omit<Fake, 'id'>, string]>([
    ['fails', { fails: new ModelError('engine_failed', 'no adapter.') }, 'gpu:fp16: no adapter.'],
    ['gives wrong numbers', { wrong: true }, 'gpu:fp16: Expected a cosine ≥ 0.99 with our exact kernel'],
    ['hangs', { after: 300 }, 'gpu:fp16: no answer within 0.04 s.'],
  ])('it %s', async (_, fault, refusal) => {
    const { id, reason, tried } = await run([[{ ...GPU, ...fault }, { id: 'gpu:fp32' }], [CPU]]);
    expect(id).toBe('gpu:fp32');
    expect(tried).toEqual(['gpu:fp32', 'cpu']);
    expect(reason).toContain(`Refused: ${refusal}`);
  });

  test('one that answers too late is disposed of', async () => {
    await run([[{ ...GPU, after: 80 }], [CPU]]);
    await expect.poll(() => disposed).toContain('gpu:fp16');
  });

  test('the same reason is told once', async () => {
    const fails = new ModelError('engine_failed', 'no adapter');
    const { reason } = await run([
      [
        { ...GPU, fails },
        { id: 'gpu:fp32', fails },
      ],
      [CPU],
    ]);
    expect(reason).toContain('Refused: gpu:fp16, gpu:fp32: no adapter.');
  });

  test("onnxruntime's paths and conditions are left out", async () => {
    const fails = new ModelError(
      'engine_failed',
      'onnxruntime-node cannot load /x/b.onnx: /onnxruntime_src/a.cc:1 void f()::<lambda()> a == b was false. No supported adapters\n',
    );
    expect((await run([[{ ...GPU, fails }], [CPU]])).reason).toMatch(
      /Refused: gpu:fp16: No supported adapters\.$/,
    );
  });

  test('all of them: an error that names each', async () => {
    const fails = new ModelError('engine_failed', 'no adapter');
    await expect(run([[{ ...GPU, fails }], [{ ...CPU, wrong: true }]])).rejects.toMatchObject({
      code: 'engine_failed',
      message: expect.stringMatching(/Refused: gpu:fp16: no adapter; cpu: Expected a cosine/),
    });
  });

  test('a trial that fails leaves no engine open', async () => {
    disposed.length = 0;
    const trial = async () => {
      throw new ModelError('out_of_memory', 'too large');
    };
    const groups = [[candidateOf(GPU)], [candidateOf(CPU)]];
    await expect(choose(groups, { trial, trialLength: '2 s' })).rejects.toThrow('too large');
    expect(disposed.toSorted()).toEqual(['cpu', 'gpu:fp16']);
  });
});
