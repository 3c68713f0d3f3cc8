// `npm run deploy:check [-- --config wrangler.toml]`: builds the Worker exactly as wrangler would deploy it,
// without deploying, and fails where the platform would refuse it or the configuration contradicts itself.

import { spawnSync } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { compatibilityDate } from 'workerd';
import { unstable_readConfig } from 'wrangler';
import {
  checkAssets,
  checkBundle,
  checkStartUp,
  checkVariables,
  describeChecks,
  findContradictions,
} from './deploy-limits.ts';
import { stageAssets } from './stage-assets.ts';

const { values } = parseArgs({ options: { config: { type: 'string', default: 'wrangler.toml' } } });
const folder = mkdtempSync(join(tmpdir(), 'vgg-edge-deploy-'));
try {
  const assets = stageAssets();
  const configuration = unstable_readConfig({ config: values.config });
  const bundle = join(folder, 'bundle');
  const built = wrangler('deploy', '--dry-run', '--outdir', bundle);
  const profile = join(folder, 'startup.cpuprofile');
  wrangler('check', 'startup', '--outfile', profile);

  const checks = [
    ...checkBundle(bundle),
    ...checkAssets(assets),
    ...checkVariables(configuration),
    checkStartUp(JSON.parse(readFileSync(profile, 'utf8'))),
  ];
  console.log(describeChecks(checks));
  const classes = exportsOf(readFileSync(join(bundle, 'index.js'), 'utf8'));
  const problems = [
    ...findContradictions(configuration, { assets, classes, newest: compatibilityDate }),
    ...(built.match(/Unexpected fields found in .*/g) ?? []),
  ];
  console.log(
    `${problems.length === 0 ? '✓' : '✗'} ${values.config} fits the code, the assets and the runtime`,
  );
  for (const problem of problems) console.error(`  ${problem}`);
  const over = checks.filter(({ found, limit }) => found > limit);
  if (over.length > 0) {
    console.error(`Cloudflare would refuse this deployment: ${over.map(({ name }) => name).join(', ')}.`);
  }
  if (over.length + problems.length > 0) process.exitCode = 1;
} finally {
  rmSync(folder, { recursive: true, force: true });
}

/** Names in the bundle's last export list, which the bundler writes at its end. */
function exportsOf(bundle: string): string[] {
  const list = [...bundle.matchAll(/^export \{([^}]*)\};?$/gm)].at(-1)?.[1] ?? '';
  return list.split(',').map((name) => name.trim().split(' as ').at(-1) ?? '');
}

/** What it says. */
function wrangler(...args: readonly string[]): string {
  const { status, stdout, stderr } = spawnSync('wrangler', [...args, '--config', values.config], {
    env: { ...process.env, WRANGLER_SEND_METRICS: 'false', CI: 'true' },
    encoding: 'utf8',
    shell: process.platform === 'win32',
  });
  if (status !== 0) throw new Error(`wrangler ${args.join(' ')} failed:\n${stdout}${stderr}`);
  return `${stdout}${stderr}`;
}
