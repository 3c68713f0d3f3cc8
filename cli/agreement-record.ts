// agreement.json of a model directory on a disk, and its figures as a table.

import { readFile, rename, writeFile } from 'node:fs/promises';
import { join } from 'node:path';
import { type Agreement, type AgreementMeasurement, parseAgreement } from '../core/agreement.ts';
import { percent } from '../runner/quantity.ts';
import { table } from './table.ts';

const FILE = 'agreement.json';

/** Undefined where nothing was measured. Throws ModelError for a file that is none of ours. */
export async function readAgreement(directory: string): Promise<Agreement | undefined> {
  let json: string;
  try {
    json = await readFile(join(directory, FILE), 'utf8');
  } catch (cause) {
    if (cause instanceof Error && 'code' in cause && cause.code === 'ENOENT') return undefined;
    throw cause;
  }
  return parseAgreement(json);
}

/** Whole or not at all; returns the path. */
export async function writeAgreement(directory: string, agreement: Agreement): Promise<string> {
  const path = join(directory, FILE);
  const building = `${path}.${process.pid}`;
  await writeFile(building, `${JSON.stringify(agreement, null, 1)}\n`);
  await rename(building, path);
  return path;
}

export function agreementTable(measurements: readonly AgreementMeasurement[]): string {
  return measurements
    .map(({ runner, photographs, top1Agreement, vectors }) =>
      [
        table(
          [`edge against ${runner}`, 'mean cosine', '1 %', 'minimum', 'overlap@10', 'recall@10'],
          vectors.map(({ descriptor, cosine, overlapAt10, recallAt10 }) => [
            descriptor,
            ...[cosine.mean, cosine.percentile1, cosine.min, overlapAt10, recallAt10].map((value) =>
              value.toFixed(5),
            ),
          ]),
        ),
        `on ${photographs} photographs${
          top1Agreement === null ? '' : `; top-1 agreement ${percent(top1Agreement, 1)}`
        }`,
      ].join('\n'),
    )
    .join('\n\n');
}
