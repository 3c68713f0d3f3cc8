// The Worker's entry with onnxruntime-web for an engine: `wrangler dev worker/index-onnxruntime.ts`,
// `wrangler deploy worker/index-onnxruntime.ts`.

import { createEngine } from '../engine/edge/bundled-engine.ts';
import { createHandler } from './handler.ts';

export { IndexCatalog } from '../search/edge/index-catalog.ts';
export { VectorShard } from '../search/edge/vector-shard.ts';

export default createHandler(createEngine);
