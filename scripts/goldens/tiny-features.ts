// Golden of the engine contract (test/engine/engine-contract.ts): what onnxruntime-web, whose integer
// arithmetic is exact, makes of the tiny model. Run: node scripts/goldens/tiny-features.ts

import { createHash } from 'node:crypto';
import { writeFileSync } from 'node:fs';
import { createOrtWebEngine } from '../../engine/edge/engine.ts';
import { compileOrtWebWasm } from '../../engine/node/ort-web-wasm.ts';
import { memoryFiles, tinyBatch, tinyModel } from '../../test/engine/tiny-model.ts';

const { manifest, content } = tinyModel();
const engine = createOrtWebEngine({
  manifest,
  files: memoryFiles(content),
  wasm: await compileOrtWebWasm(),
  now: () => performance.now(),
});
const { outputs } = await engine.run(tinyBatch(2, 1), ['features', 'scores']);
const golden = {
  madeBy: 'scripts/goldens/tiny-features.ts, onnxruntime-web 1.30.0',
  sha256: createHash('sha256')
    .update(new Uint8Array(outputs.features?.buffer ?? new ArrayBuffer()))
    .digest('hex'),
  scores: Array.from(outputs.scores ?? []),
};
const file = new URL('../../test/golden/tiny-features.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(golden, null, 2)}\n`);
