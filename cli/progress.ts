// Progress on stderr: a bar with the time left on a terminal, a line per stage and now and then elsewhere.

import { duration } from '../runner/quantity.ts';

const BAR_WIDTH = 24;
/** Milliseconds between redraws on a terminal, and between lines elsewhere. */
const REDRAW = 100;
const LINE_EVERY = 10_000;

export interface Progress {
  /** `done` of `total` units of `stage`; a call with done = total ends the stage. */
  update(stage: string, done: number, total: number): void;
}

export interface ProgressOutput {
  readonly isTTY?: boolean;
  readonly columns?: number;
  write(text: string): unknown;
}

export function createProgress(
  output: ProgressOutput = process.stderr,
  now: () => number = () => performance.now(),
): Progress {
  let current = '';
  let started = 0;
  let shown = Number.NEGATIVE_INFINITY;
  return {
    update(stage, done, total) {
      const time = now();
      if (stage !== current) {
        current = stage;
        started = time;
        shown = output.isTTY ? Number.NEGATIVE_INFINITY : time;
      }
      const ended = done >= total;
      if (!ended && time - shown < (output.isTTY ? REDRAW : LINE_EVERY)) return;
      shown = time;
      const line = describe(stage, done, total, (time - started) / 1000);
      if (output.isTTY)
        output.write(`\r${line.slice(0, (output.columns ?? 80) - 1)}\u001b[K${ended ? '\n' : ''}`);
      else output.write(`${line}\n`);
      if (ended) current = '';
    },
  };
}

function describe(stage: string, done: number, total: number, seconds: number): string {
  const share = total === 0 ? 1 : Math.min(done / total, 1);
  const filled = Math.round(share * BAR_WIDTH);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(BAR_WIDTH - filled)}`;
  const time =
    share >= 1
      ? `${duration(seconds)}`
      : share > 0
        ? `${duration((seconds * (1 - share)) / share)} left`
        : '';
  return `${stage.padEnd(24)} ${bar} ${done}/${total} ${time}`.trimEnd();
}
