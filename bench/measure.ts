// Side-by-side timing: the rivals take turns in one run, so that a machine whose speed drifts treats all
// alike; minimum and median are printed, with the machine.

import { cpus, totalmem } from 'node:os';

export interface Contestant {
  readonly name: string;
  /** One measured unit of work. */
  run(): Promise<unknown> | unknown;
}

export interface Timing {
  readonly name: string;
  /** Milliseconds. */
  readonly min: number;
  readonly median: number;
  /** Processor time of the process ÷ time passed, over all rounds: about the threads that worked. */
  readonly threads: number;
}

/** Runs every contestant `rounds` times in turn after `warmup` unmeasured rounds. */
export async function measure(
  contestants: readonly Contestant[],
  { rounds = 15, warmup = 2 }: { rounds?: number; warmup?: number } = {},
): Promise<Timing[]> {
  const times = contestants.map((): number[] => []);
  const processor = contestants.map(() => 0);
  for (let round = -warmup; round < rounds; round += 1) {
    for (const [index, contestant] of contestants.entries()) {
      const before = process.cpuUsage();
      const start = performance.now();
      await contestant.run();
      if (round < 0) continue;
      times[index]?.push(performance.now() - start);
      const { user, system } = process.cpuUsage(before);
      processor[index] = (processor[index] ?? 0) + (user + system) / 1000;
    }
  }
  return contestants.map(({ name }, index) => {
    const sorted = (times[index] ?? []).toSorted((a, b) => a - b);
    const passed = sorted.reduce((sum, time) => sum + time, 0);
    return {
      name,
      min: sorted[0] ?? Number.NaN,
      median: sorted[sorted.length >> 1] ?? Number.NaN,
      threads: (processor[index] ?? 0) / passed,
    };
  });
}

/** The machine and the runtime in a line. */
export function machine(): string {
  const processors = cpus();
  const memory = Math.round(totalmem() / 2 ** 30);
  return `${processors[0]?.model ?? 'unknown CPU'}, ${processors.length} cores, ${memory} GiB, Node ${process.version}, ${process.platform}`;
}

/** A table as Markdown, so that a run can be pasted into a document as it is. */
export function table(header: readonly string[], rows: readonly (readonly (string | number)[])[]): string {
  const cells = rows.map((row) => row.map((cell) => (typeof cell === 'number' ? format(cell) : cell)));
  const widths = header.map((title, column) =>
    Math.max(title.length, ...cells.map((row) => row[column]?.length ?? 0)),
  );
  const line = (row: readonly string[]) =>
    `| ${row.map((cell, column) => cell.padEnd(widths[column] ?? 0)).join(' | ')} |`;
  return [
    line(header),
    `|${widths.map((width) => '-'.repeat(width + 2)).join('|')}|`,
    ...cells.map(line),
  ].join('\n');
}

function format(value: number): string {
  return Math.abs(value) >= 100
    ? value.toFixed(0)
    : Math.abs(value) >= 10
      ? value.toFixed(1)
      : value.toFixed(2);
}
