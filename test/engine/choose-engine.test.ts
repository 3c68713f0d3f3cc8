// Which engine serves: WebGPU only on a GPU, with graphs it can run, and after its numbers were compared.

import { describe, expect, test } from 'vitest';
import { ModelError } from '../../core/errors.ts';
import type { ManifestFloatGraphs } from '../../core/manifest.ts';
import type { Engine } from '../../core/ports.ts';
import { chooseEngine, type Gpu } from '../../engine/webgpu/choose-engine.ts';

const EXPECTED = [1, 2, 3, 4];

const graphsOf = (precision: 'fp16' | 'fp32'): ManifestFloatGraphs => ({ precision, graphs: [], shards: [] });
const FP16 = graphsOf('fp16');
const FP32 = graphsOf('fp32');

const gpuOf = (adapter: { half?: boolean; software?: boolean } | null): Gpu => ({
  requestAdapter: async () =>
    adapter === null
      ? null
      : {
          features: new Set(adapter.half === true ? ['shader-f16'] : []),
          info: { description: 'Test GPU', isFallbackAdapter: adapter.software === true },
        },
});

/** Gives these features for whatever image, and remembers that it was disposed of. */
function engineOf(
  name: string,
  features: readonly number[] | Error,
  precision: Engine['precision'] = 'int8',
) {
  const state = { disposed: false };
  const engine: Engine = {
    name,
    precision,
    async run() {
      if (features instanceof Error) throw features;
      return { outputs: { features: Float32Array.from(features) }, times: { backbone: 1, head: 0 } };
    },
    memoryBytes: () => 0,
    dispose: async () => {
      state.disposed = true;
    },
  };
  return { engine, state };
}

async function choose(
  gpu: Gpu | undefined,
  floatGraphs: readonly ManifestFloatGraphs[],
  features: readonly number[] | Error = EXPECTED,
  allowSoftware = false,
) {
  const edge = engineOf('winograd', EXPECTED);
  const made: ReturnType<typeof engineOf>[] = [];
  const { engine, reason } = await chooseEngine({
    edge: edge.engine,
    gpu,
    floatGraphs,
    async createGpuEngine({ precision }) {
      const candidate = engineOf('onnxruntime-webgpu', features, precision);
      made.push(candidate);
      return candidate.engine;
    },
    crop: 32,
    allowSoftware,
  });
  return { engine, reason, edge, made };
}

describe('WebGPU serves', () => {
  test.each([
    ['fp16 where the GPU can', { half: true }, [FP32, FP16], 'fp16'],
    ['fp32 where it cannot', {}, [FP16, FP32], 'fp32'],
    ['fp32 where there is no fp16', { half: true }, [FP32], 'fp32'],
  ] as const)('%s', async (_, adapter, graphs, precision) => {
    const { engine, reason, edge } = await choose(gpuOf(adapter), graphs);
    expect(engine).toMatchObject({ name: 'onnxruntime-webgpu', precision });
    expect(reason).toBe(`onnxruntime-webgpu: ${precision} on Test GPU, cosine 1.00000 with winograd.`);
    expect(edge.state.disposed).toBe(true);
  });

  test('fp32 where fp16 gives other numbers', async () => {
    const edge = engineOf('winograd', EXPECTED);
    const overflowing = engineOf('onnxruntime-webgpu', [1, Number.NaN, 3, 4], 'fp16');
    const sound = engineOf('onnxruntime-webgpu', EXPECTED, 'fp32');
    const { engine } = await chooseEngine({
      edge: edge.engine,
      gpu: gpuOf({ half: true }),
      floatGraphs: [FP16, FP32],
      createGpuEngine: async ({ precision }) => (precision === 'fp16' ? overflowing : sound).engine,
      crop: 32,
    });
    expect(engine).toBe(sound.engine);
    expect([overflowing.state.disposed, sound.state.disposed]).toEqual([true, false]);
  });

  test('on the processor if that is allowed', async () => {
    const { engine } = await choose(gpuOf({ software: true }), [FP32], EXPECTED, true);
    expect(engine.name).toBe('onnxruntime-webgpu');
  });

  test('in a browser that tells nothing of its adapter', async () => {
    const adapter = { features: new Set<string>() };
    const { reason } = await choose({ requestAdapter: async () => adapter }, [FP32]);
    expect(reason).toContain('fp32 on a GPU');
  });
});

describe('our kernel serves, and says why', () => {
  test.each([
    ['no WebGPU', undefined, [FP32], 'there is no WebGPU here.'],
    ['no adapter', gpuOf(null), [FP32], 'there is no WebGPU here.'],
    ['a driver that fails', { requestAdapter: () => Promise.reject(new Error()) }, [FP32], 'no WebGPU here.'],
    [
      'an adapter on the processor',
      gpuOf({ software: true }),
      [FP32],
      'Test GPU, computes on the processor.',
    ],
    ['no float graphs', gpuOf({}), [], 'the model has no float graphs.'],
    ['fp16 alone on a GPU without', gpuOf({}), [FP16], 'no float graphs that Test GPU can run.'],
  ] as const)('%s', async (_, gpu, graphs, reason) => {
    const choice = await choose(gpu, graphs);
    expect(choice.engine).toBe(choice.edge.engine);
    expect(choice.edge.state.disposed).toBe(false);
    expect(choice.reason).toMatch(/^winograd: /);
    expect(choice.reason).toContain(reason);
    expect(choice.made).toEqual([]);
  });

  test.each([
    ['other numbers', [4, 3, 2, 1], 'expected a cosine ≥ 0.99 with winograd but found 0.6666'],
    ['NaN', [1, 2, Number.NaN, 4], 'found NaN'],
    ['zeros', [0, 0, 0, 0], 'found 0'],
    ['too few values', [1, 2, 3], 'found NaN'],
    [
      'an error',
      new ModelError('engine_failed', 'the device is lost'),
      'is refused. fp32: the device is lost',
    ],
  ])('WebGPU gives %s', async (_, features, reason) => {
    const choice = await choose(gpuOf({}), [FP32], features);
    expect(choice.engine).toBe(choice.edge.engine);
    expect(choice.edge.state.disposed).toBe(false);
    expect(choice.reason).toContain(`winograd: WebGPU on Test GPU is refused. fp32: `);
    expect(choice.reason).toContain(reason);
    expect(choice.made[0]?.state.disposed).toBe(true);
  });

  test('but what it throws is thrown, and WebGPU not tried', async () => {
    let made = 0;
    const choice = chooseEngine({
      edge: engineOf('winograd', new ModelError('corrupt_shard', 'the weights')).engine,
      gpu: gpuOf({}),
      floatGraphs: [FP32],
      createGpuEngine: async () => {
        made += 1;
        return engineOf('onnxruntime-webgpu', EXPECTED).engine;
      },
      crop: 32,
    });
    await expect(choice).rejects.toThrow('the weights');
    expect(made).toBe(0);
  });

  test('the runtime cannot be loaded', async () => {
    const edge = engineOf('winograd', EXPECTED).engine;
    const { engine, reason } = await chooseEngine({
      edge,
      gpu: gpuOf({}),
      floatGraphs: [FP32],
      createGpuEngine: () => Promise.reject(new Error('no permission to read its WASM')),
      crop: 32,
    });
    expect(engine).toBe(edge);
    expect(reason).toContain('is refused. fp32: no permission to read its WASM');
  });
});
