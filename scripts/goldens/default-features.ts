// Golden of the default model: the features of a sample photograph, by onnxruntime-web in Node. Both
// runtimes and every exact engine must give these bytes. To be run anew when models/default is replaced:
// node scripts/goldens/default-features.ts

import { writeFileSync } from 'node:fs';
import { DEFAULT_MODEL, defaultFeatures } from '../../test/engine/default-features.ts';

const golden = {
  madeBy: 'scripts/goldens/default-features.ts, onnxruntime-web 1.30.0',
  ...(await defaultFeatures(DEFAULT_MODEL)),
};
const file = new URL('../../test/golden/default-features.json', import.meta.url);
writeFileSync(file, `${JSON.stringify(golden, null, 2)}\n`);
