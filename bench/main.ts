// `npm run bench [-- NAME …]`: runs the named benchmarks, or all of them. Each stands in a file of its own
// here and prints its table.

import { readdirSync } from 'node:fs';
import { basename, join } from 'node:path';
import { widenThreadPool } from '../engine/node/thread-pool.ts';
import { machine } from './measure.ts';

const available = readdirSync(import.meta.dirname)
  .filter((file) => file.endsWith('.bench.ts'))
  .map((file) => basename(file, '.bench.ts'));

const wanted = process.argv.slice(2).filter((argument) => !argument.startsWith('-'));
const unknown = wanted.filter((name) => !available.includes(name));
if (unknown.length > 0) {
  console.error(
    `Expected one of ${available.join(', ')} as the benchmark but found '${unknown.join(', ')}'.`,
  );
  process.exit(2);
}

widenThreadPool();
console.log(`Machine: ${machine()}`);
for (const name of wanted.length > 0 ? wanted : available) {
  console.log(`\n## ${name}\n`);
  const benchmark: { run(options: readonly string[]): Promise<void> } = await import(
    join(import.meta.dirname, `${name}.bench.ts`)
  );
  await benchmark.run(process.argv.slice(2).filter((argument) => argument.startsWith('-')));
}
