// GET /livez: the process answers. GET /readyz: an inference has just worked; a server that cannot embed
// must not be called healthy (it has happened elsewhere that it was).

import type { Handler } from 'hono';
import { ModelError } from '../../core/errors.ts';
import { MODEL_HEADER, modelFacts } from '../answer.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { ApiEnv } from '../request-facts.ts';

export function livez(): Handler<ApiEnv> {
  return (context) => context.json({ status: 'alive' });
}

/** Runs the backbone on a grey image. Answers 503 with the error when it does not give finite features. */
export function readyz({ model, admission }: AppDependencies): Handler<ApiEnv> {
  return async (context) => {
    const served = await model();
    context.header(MODEL_HEADER, served.id);
    const { crop } = served.manifest.preprocess;
    const data = new Uint8Array(crop * crop * 3).fill(128);
    const batch = { images: 1, size: crop, data };
    const { outputs, times } = await admission.run(() => served.engine.run(batch, ['features']));
    if (!outputs.features?.every(Number.isFinite)) {
      throw new ModelError('engine_failed', 'Expected finite features of a grey image.');
    }
    return context.json({ status: 'ready', ...modelFacts(served), backbone_ms: times.backbone });
  };
}
