// What a run's failures have in common: how many of each kind, with an example.

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import * as z from 'zod';
import type { FailedItem } from './failure.ts';
import { parseRunFile } from './run-directory.ts';

export interface FailureGroup {
  readonly code: string;
  readonly count: number;
  readonly first: FailedItem;
}

const lineSchema = z.object({ id: z.string(), location: z.string(), code: z.string(), reason: z.string() });

/** Of a failures.jsonl, the most frequent first. Throws InputError for a file that is none of ours. */
export async function groupFailures(path: string): Promise<FailureGroup[]> {
  const groups = new Map<string, FailureGroup>();
  for await (const line of createInterface({ input: createReadStream(path) })) {
    const first = parseRunFile(path, line, lineSchema);
    const { code } = first;
    const group = groups.get(code) ?? { code, count: 0, first };
    groups.set(code, { ...group, count: group.count + 1 });
  }
  return [...groups.values()].toSorted((a, b) => b.count - a.count);
}
