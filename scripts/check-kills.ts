// `npm run check:kills [-- --kills N] [--model DIR] [--photos FOLDER] [--engine NAME]`: the test of a killed run with
// a real model: kills vgg-edge embed (-9) at random moments, goes on each time, and compares every byte with a
// run that nobody disturbed.

import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { isDeepStrictEqual, parseArgs } from 'node:util';
import { machine } from '../bench/measure.ts';
import { killRuns, startRun } from '../test/runner/kill-runs.ts';
import { runBytes } from '../test/runner/run-fixture.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '20' },
    model: { type: 'string', default: 'models/default' },
    photos: { type: 'string', default: 'samples' },
    engine: { type: 'string', default: 'onnxruntime-cpu' },
  },
});
const { model, photos, engine } = values;
const kills = Number(values.kills);
const options = ['--model', model, '--engine', engine, '--batch', '2', '--shard-size', '3'];
const folder = await mkdtemp(join(tmpdir(), 'vgg-edge-kills-'));
console.log(`Machine: ${machine()}`);
try {
  const whole = join(folder, 'whole');
  const ended = await startRun(photos, whole, options).ended;
  if (ended !== 0) throw new Error(`Expected the undisturbed run to end with 0 but it ended with ${ended}.`);
  const undisturbed = await runBytes(whole);
  const ends = await killRuns({
    photos,
    out: join(folder, 'killed'),
    options,
    kills,
    within: 3000,
    onKill: (done) => process.stderr.write(`\rkilled ${done} of ${kills}`),
  });
  const same = ends.filter((bytes) => isDeepStrictEqual(bytes, undisturbed)).length;
  for (const bytes of ends) {
    const names = new Set([...Object.keys(bytes), ...Object.keys(undisturbed)]);
    const different = [...names].filter((name) => bytes[name] !== undisturbed[name]);
    if (different.length > 0) console.log(`\nDifferent: ${different.join(', ')}`);
  }
  console.log(
    `\n${kills} kills, ${ends.length} runs brought to their end, ${same} of them with the bytes of the undisturbed one (${Object.keys(undisturbed).length} files)`,
  );
  process.exitCode = same === ends.length ? 0 : 1;
} finally {
  await rm(folder, { recursive: true });
}
