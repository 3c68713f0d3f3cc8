// onnxruntime-node for any graph of ours: opened from a file (external weights are mapped from beside
// it), fed and read as typed arrays. The engine and the model build stand on it.

import './no-telemetry.ts';
import * as ort from 'onnxruntime-node';
import { ModelError } from '../../core/errors.ts';

/** A value going in or coming out; row-major. */
export interface GraphValue {
  readonly data: Float32Array | Uint8Array;
  readonly shape: readonly number[];
}

export interface GraphSession {
  /** Throws ModelError when the runtime fails. */
  run(
    inputs: Readonly<Record<string, GraphValue>>,
    outputs: readonly string[],
  ): Promise<Readonly<Record<string, GraphValue>>>;
  close(): Promise<void>;
}

export interface GraphSessionOptions {
  /** Execution providers in order of preference: `cpu`, `cuda`, `webgpu`, … */
  readonly providers?: readonly string[];
  /** Threads within one operation; the runtime's choice by default. */
  readonly threads?: number;
}

/** Throws ModelError when the file is no graph that this runtime can run. */
export async function openGraphSession(
  path: string,
  { providers = ['cpu'], threads }: GraphSessionOptions = {},
): Promise<GraphSession> {
  let session: ort.InferenceSession;
  try {
    session = await ort.InferenceSession.create(path, {
      executionProviders: [...providers],
      logSeverityLevel: 3,
      ...(threads === undefined ? {} : { intraOpNumThreads: threads }),
    });
  } catch (cause) {
    throw failed(`onnxruntime-node cannot load ${path}`, cause);
  }
  return {
    async run(inputs, outputs) {
      const feeds: Record<string, ort.Tensor> = {};
      for (const [name, { data, shape }] of Object.entries(inputs)) {
        feeds[name] =
          data instanceof Float32Array
            ? new ort.Tensor('float32', data, shape)
            : new ort.Tensor('uint8', data, shape);
      }
      let results: ort.InferenceSession.ReturnType;
      try {
        results = await session.run(feeds, [...outputs]);
      } catch (cause) {
        throw failed(`onnxruntime-node cannot run ${path}`, cause);
      }
      return Object.fromEntries(outputs.map((name) => [name, toValue(name, results[name])]));
    },
    close: () => session.release(),
  };
}

function toValue(name: string, tensor: ort.OnnxValue | undefined): GraphValue {
  if (tensor instanceof ort.Tensor) {
    const { data, dims } = tensor;
    if (data instanceof Float32Array || data instanceof Uint8Array) return { data, shape: dims };
  }
  throw new ModelError('engine_failed', `Expected float32 or uint8 values for output ${name}.`);
}

function failed(what: string, cause: unknown): ModelError {
  const reason = cause instanceof Error ? cause.message : String(cause);
  return new ModelError('engine_failed', `${what}: ${reason}`, { cause });
}
