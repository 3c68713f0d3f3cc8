// WebGPU or our own kernel: the one place that decides. The answer's `engine` tells which it was.

import { cosine } from '../../core/cosine.ts';
import type { ManifestFloatGraphs } from '../../core/manifest.ts';
import type { Engine } from '../../core/ports.ts';
import { checkFeatures, MIN_COSINE } from '../self-check.ts';

/** What is used of `navigator.gpu`. */
export interface Gpu {
  requestAdapter(): Promise<GpuAdapter | null>;
}

export interface GpuAdapter {
  readonly features: { has(name: string): boolean };
  /** Missing in older browsers. */
  readonly info?: { readonly description: string; readonly isFallbackAdapter?: boolean };
}

export interface EngineChoiceParts {
  /** Serves where WebGPU cannot, and is what WebGPU's numbers are compared with. */
  readonly edge: Engine;
  /** `navigator.gpu`. */
  readonly gpu: Gpu | undefined;
  /** The float graphs that there are. */
  readonly floatGraphs: readonly ManifestFloatGraphs[];
  readonly createGpuEngine: (graphs: ManifestFloatGraphs) => Promise<Engine>;
  /** Side of the engines' input, pixels. */
  readonly crop: number;
  /** Takes an adapter that computes on the processor, a hundred times slower than our kernel: for tests. */
  readonly allowSoftware?: boolean;
}

export interface EngineChoice {
  readonly engine: Engine;
  /** Why, in a sentence. */
  readonly reason: string;
}

const REMEDY = 'vgg-edge build --precision fp16,fp32 adds them.';

/**
 * The GPU's engine where there is WebGPU on hardware, a float graph that it can run (fp16 if the adapter
 * has `shader-f16`, then fp32) and agreement with `edge`; otherwise `edge`. The engine that is not
 * chosen is disposed of. Throws what `edge` throws.
 */
export async function chooseEngine(parts: EngineChoiceParts): Promise<EngineChoice> {
  const { edge, gpu, floatGraphs, createGpuEngine, crop, allowSoftware = false } = parts;
  const stay = (reason: string): EngineChoice => ({ engine: edge, reason: `${edge.name}: ${reason}` });

  if (floatGraphs.length === 0) return stay(`the model has no float graphs. ${REMEDY}`);
  const adapter = await gpu?.requestAdapter().catch(() => null);
  if (adapter === undefined || adapter === null) return stay('there is no WebGPU here.');
  const { description = 'a GPU', isFallbackAdapter } = adapter.info ?? {};
  if (isFallbackAdapter === true && !allowSoftware) {
    return stay(`the only WebGPU adapter, ${description}, computes on the processor.`);
  }
  const suitable = suitableGraphs(floatGraphs, adapter);
  if (suitable.length === 0) {
    return stay(`the model has no float graphs that ${description} can run. ${REMEDY}`);
  }
  // A kernel that fails is no reason for WebGPU, which would be compared with nothing.
  const expected = await checkFeatures(edge, crop);
  const refusals: string[] = [];
  for (const graphs of suitable) {
    let candidate: Engine | undefined;
    try {
      candidate = await createGpuEngine(graphs);
      const likeness = cosine(expected, await checkFeatures(candidate, crop));
      if (likeness >= MIN_COSINE) {
        await edge.dispose();
        const agreement = `cosine ${likeness.toFixed(5)} with ${edge.name}`;
        return {
          engine: candidate,
          reason: `${candidate.name}: ${graphs.precision} on ${description}, ${agreement}.`,
        };
      }
      refusals.push(
        `${graphs.precision}: expected a cosine ≥ ${MIN_COSINE} with ${edge.name} but found ${likeness}.`,
      );
    } catch (error) {
      refusals.push(`${graphs.precision}: ${error instanceof Error ? error.message : String(error)}`);
    }
    await candidate?.dispose();
  }
  return stay(`WebGPU on ${description} is refused. ${refusals.join(' ')}`);
}

/** In the order in which they are tried. */
function suitableGraphs(
  floatGraphs: readonly ManifestFloatGraphs[],
  { features }: GpuAdapter,
): readonly ManifestFloatGraphs[] {
  const of = (wanted: ManifestFloatGraphs['precision']) =>
    floatGraphs.filter(({ precision }) => precision === wanted);
  return [...(features.has('shader-f16') ? of('fp16') : []), ...of('fp32')];
}
