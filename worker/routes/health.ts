// GET /livez: the process answers. GET /readyz: an inference has just worked; a server that cannot embed
// must not be called healthy (it has happened elsewhere that it was).

import type { Handler } from 'hono';
import { ModelError } from '../../core/errors.ts';
import { MODEL_HEADER, modelFacts } from '../answer.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { ApiEnv } from '../request-facts.ts';
import type { ServedModel } from '../served-model.ts';

export function livez(): Handler<ApiEnv> {
  return (context) => context.json({ status: 'alive' });
}

/** Milliseconds for which an inference that worked counts: anybody may ask, and each costs what an image costs. */
const FRESH = 5000;

/** Runs the backbone on a grey image. Answers 503 with the error when it does not give finite features. */
export function readyz({ model, admission, now }: AppDependencies): Handler<ApiEnv> {
  let worked: { at: number; backbone: number } | undefined;
  let running: Promise<number> | undefined;
  return async (context) => {
    const served = await model();
    context.header(MODEL_HEADER, served.id);
    if (worked === undefined || now() - worked.at > FRESH) {
      worked = undefined;
      // Whoever asks meanwhile waits for the same inference: strangers cannot fill the queue with them.
      running ??= admission
        .run(() => infer(served))
        .finally(() => {
          running = undefined;
        });
      worked = { backbone: await running, at: now() };
    }
    return context.json({ status: 'ready', ...modelFacts(served), backbone_ms: worked.backbone });
  };
}

/** Milliseconds of the backbone. */
async function infer({ engine, manifest }: ServedModel): Promise<number> {
  const { crop } = manifest.preprocess;
  const data = new Uint8Array(crop * crop * 3).fill(128);
  const { outputs, times } = await engine.run({ images: 1, size: crop, data }, ['features']);
  if (!outputs.features?.every(Number.isFinite)) {
    throw new ModelError('engine_failed', 'Expected finite features of a grey image.');
  }
  return times.backbone;
}
