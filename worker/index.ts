// The Worker's entry. worker/index-onnxruntime.ts is the same with onnxruntime-web in any case:
// `wrangler deploy worker/index-onnxruntime.ts`.

import { createEngine, modelBytes } from './engine.ts';
import { createHandler } from './handler.ts';

export { IndexCatalog } from '../search/edge/index-catalog.ts';
export { VectorShard } from '../search/edge/vector-shard.ts';

export default createHandler(createEngine, modelBytes);
