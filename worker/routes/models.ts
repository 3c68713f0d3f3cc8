// GET /v1/models and /v1/models/:model: what is served here, from the manifest.

import type { Handler } from 'hono';
import type { Manifest } from '../../core/manifest.ts';
import { projectionId } from '../../core/projection.ts';
import { MODEL_HEADER, modelFacts } from '../answer.ts';
import type { AppDependencies } from '../dependencies.ts';
import type { ApiEnv } from '../request-facts.ts';
import type { ModelAnswer, ModelsAnswer } from '../schemas/models.ts';
import { checkModel, type ServedModel } from '../served-model.ts';

export function listModels({ model }: AppDependencies): Handler<ApiEnv> {
  return async (context) => {
    const served = await model();
    const answer: ModelsAnswer = { object: 'list', data: [await describeModel(served)] };
    context.header(MODEL_HEADER, served.id);
    return context.json(answer);
  };
}

export function getModel({ model }: AppDependencies): Handler<ApiEnv> {
  return async (context) => {
    const served = await model();
    context.header(MODEL_HEADER, served.id);
    checkModel(context.req.param('model'), served);
    const answer: ModelAnswer = { ...(await describeModel(served)), classes: listClasses(served.manifest) };
    return context.json(answer);
  };
}

async function describeModel(served: ServedModel): Promise<ModelAnswer> {
  const { manifest, engine, projections } = served;
  const { model: id, ...facts } = modelFacts(served);
  return {
    id,
    object: 'model',
    // OpenAI's clients expect both. A model's bytes do not depend on when they were made: no date is kept.
    created: 0,
    owned_by: 'vgg-edge',
    name: manifest.name,
    ...facts,
    trained: manifest.trained,
    precision: engine.precision,
    network: manifest.network,
    taps: manifest.taps,
    labels: manifest.labels.length,
    ...(manifest.classes === undefined
      ? {}
      : { labels_trained: manifest.classes.filter(({ trainedWith }) => trainedWith === 'labels').length }),
    memory_bytes: engine.memoryBytes(),
    peak_memory_bytes: served.peakMemoryBytes(),
    ...(manifest.defaultDescriptor === undefined ? {} : { default_descriptor: manifest.defaultDescriptor }),
    projections: (await projections.list()).map((entry) => ({
      id: projectionId(entry),
      layer: entry.layer,
      pool: entry.pool,
      dimensions: entry.dimensions,
    })),
    fidelity: manifest.fidelity,
    licence: manifest.licence,
  };
}

/** Every class with what is known of it, in the order of the scores. */
function listClasses({ network, labels, classes }: Manifest): NonNullable<ModelAnswer['classes']> {
  return Array.from({ length: network.outputDim }, (_, index) => {
    const known = classes?.[index];
    const label = labels[index] ?? null;
    return known === undefined ? { label } : { label, id: known.id, trained_with: known.trainedWith };
  });
}
