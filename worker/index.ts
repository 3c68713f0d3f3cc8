// The Worker's entry. worker/index-onnxruntime.ts is the same with the other engine:
// `wrangler deploy worker/index-onnxruntime.ts`. An entry bundles only the engine it imports.

import { createEngine } from '../engine/edge/bundled-engine.ts';
import { createHandler } from './handler.ts';

export { IndexCatalog } from '../search/edge/index-catalog.ts';
export { VectorShard } from '../search/edge/vector-shard.ts';

export default createHandler(createEngine);
