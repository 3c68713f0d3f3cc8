// `npm test`: format and lint, types, then all tests; ends with the line `N passed, N failed`. The
// checks before the tests count as one each, so that the line tells the truth when only they fail.

import { spawnSync } from 'node:child_process';
import { mkdirSync, readFileSync, rmSync } from 'node:fs';

const RESULTS = '.cache/test-results.json';

const checks: readonly { name: string; command: readonly string[] }[] = [
  { name: 'format and lint', command: ['biome', 'check', '--error-on-warnings', '.'] },
  { name: 'types: core', command: ['tsc', '-p', 'tsconfig.core.json'] },
  { name: 'types: Node', command: ['tsc', '-p', 'tsconfig.json'] },
  { name: 'types: Worker', command: ['tsc', '-p', 'tsconfig.worker.json'] },
  { name: 'types: page', command: ['tsc', '-p', 'tsconfig.web.json'] },
];

let passed = 0;
let failed = 0;

for (const { name, command } of checks) {
  const ok = run(command);
  console.log(`${ok ? '✓' : '✗'} ${name}`);
  if (ok) passed += 1;
  else failed += 1;
}

rmSync(RESULTS, { force: true });
mkdirSync('.cache', { recursive: true });
const filters = process.argv.slice(2);
const ok = run([
  'vitest',
  'run',
  '--reporter=dot',
  '--reporter=json',
  `--outputFile.json=${RESULTS}`,
  ...filters,
]);
const counts = readCounts();
passed += counts.passed;
// A file that cannot be loaded has no test to fail, and a crashed runner no result at all.
failed += counts.failed === 0 && !ok ? 1 : counts.failed;

console.log(`${passed} passed, ${failed} failed`);
process.exit(failed === 0 ? 0 : 1);

function run([program = '', ...args]: readonly string[]): boolean {
  return spawnSync(program, args, { stdio: 'inherit', shell: process.platform === 'win32' }).status === 0;
}

function readCounts(): { passed: number; failed: number } {
  try {
    const { numPassedTests, numFailedTests } = JSON.parse(readFileSync(RESULTS, 'utf8'));
    return { passed: Number(numPassedTests), failed: Number(numFailedTests) };
  } catch {
    return { passed: 0, failed: 1 };
  }
}
