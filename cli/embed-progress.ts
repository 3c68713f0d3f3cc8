// What one sees of a run: a bar on a terminal, a line now and then elsewhere, or events as JSON lines.

import type { RunWatcher } from '../runner/embed-run.ts';
import { bottleneck, type Meter } from '../runner/meter.ts';
import { counted, duration, grouped, percent, rateText } from '../runner/quantity.ts';
import { describeShares, type RunReport } from '../runner/report.ts';
import { sparkline } from '../runner/throughput-picture.ts';
import type { ProgressOutput } from './progress.ts';

export interface EmbedProgress extends Required<RunWatcher> {
  /** Of a run by runners: how many there are. */
  runners(count: number): void;
  started(how: 'begun' | 'resumed', engine: string): void;
  /** An engine is being opened, which takes seconds, or a minute where its graphs are made first. */
  opening(): void;
  /** There is something to do, and this is the engine for it, for this reason. */
  chosen(engine: { readonly id: string; readonly reason: string }): void;
  /** The sum of what earlier processes and this one have done. */
  counts(): { readonly ended: number; readonly failed: number; readonly listed: number };
  /** Ctrl-C has been pressed. */
  stopping(): void;
  finished(report: RunReport, paths: { readonly failures: string; readonly report: string }): void;
  /** Draws nothing more. */
  close(): void;
}

export interface EmbedProgressParts {
  readonly meter: Meter;
  readonly json: boolean;
  /** The bar and the lines. */
  readonly output?: ProgressOutput;
  /** Results and events. */
  readonly print?: (line: string) => void;
}

const BAR_WIDTH = 20;
const SEPARATOR = ' · ';
/** Milliseconds between redraws on a terminal, lines elsewhere, and `progress` events. */
const EVERY = { terminal: 200, lines: 10_000, json: 1000 } as const;

export function createEmbedProgress(parts: EmbedProgressParts): EmbedProgress {
  const { meter, json, output = process.stderr, print = (line: string) => console.log(line) } = parts;
  let listed = { items: 0, complete: false };
  let found = { items: 0, failed: 0 };
  let drawn = false;
  /** Nothing else is to be told then. */
  let opening = false;
  let resumed = false;
  let runnerCount: number | undefined;

  const counts = () => {
    const { images, failed } = meter.read();
    return { ended: found.items + images, failed: found.failed + failed, listed: listed.items };
  };
  const event = (name: string, fields: object): void => print(JSON.stringify({ event: name, ...fields }));
  const say = (line: string): void => {
    if (drawn) output.write('\r\u001b[K');
    drawn = false;
    output.write(`${line}\n`);
  };
  const tick = (): void => {
    if (opening) return;
    const reading = meter.read();
    const now = { ...counts(), complete: listed.complete, runners: runnerCount };
    if (json) {
      const { rate, shares, depths } = reading;
      event('progress', { ...now, imagesPerSecond: rate, shares, depths });
    } else if (output.isTTY) {
      const parts = describe(now, reading, BAR_WIDTH);
      output.write(`\r${fitting(parts, (output.columns ?? 80) - 1)}\u001b[K`);
      drawn = true;
    } else say(describe(now, reading, 0).join(SEPARATOR));
  };
  const timer = setInterval(tick, json ? EVERY.json : output.isTTY ? EVERY.terminal : EVERY.lines);

  return {
    started(how, engine) {
      resumed = how === 'resumed';
      if (json) event('start', { run: how, engine });
    },
    opening() {
      if (json || !output.isTTY) return;
      opening = true;
      output.write('\rOpening the engine …\u001b[K');
      drawn = true;
    },
    chosen({ id, reason }) {
      opening = false;
      if (json) event('engine', { engine: id, reason });
      else say(`${resumed ? 'Goes on' : 'Begins'} with ${reason}`);
    },
    counts,
    listed(progress) {
      const ended = progress.complete && !listed.complete;
      listed = { ...progress };
      if (ended && json) event('listed', { items: progress.items });
    },
    runners(count) {
      runnerCount = count;
    },
    restored({ items, failed }) {
      found = { items: found.items + items, failed: found.failed + failed };
    },
    shard(marker, how) {
      if (how === 'found') {
        found = { items: found.items + marker.items, failed: found.failed + marker.failed };
      }
      if (json) event('shard', { how, ...marker });
    },
    batch({ failed }) {
      if (json) for (const item of failed) event('failure', item);
    },
    stopping() {
      if (json) event('stopping', {});
      else say('Finishing the batch in work; Ctrl-C again stops at once.');
    },
    finished(report, paths) {
      if (json) event('end', summary(report));
      else {
        if (drawn) {
          tick();
          output.write('\n');
          drawn = false;
        }
        for (const line of summaryLines(report, paths)) print(line);
      }
    },
    close() {
      clearInterval(timer);
      if (drawn) output.write('\n');
      drawn = false;
    },
  };
}

/** summary.json, and the last event. */
export function summary({ totals, failures, reading, record, engineReason, peakMemory, samples }: RunReport) {
  return {
    ...totals,
    failures: Object.fromEntries(failures.map(({ code, count }) => [code, count])),
    engine: record.engine,
    engineReason,
    session: {
      images: reading.images,
      seconds: reading.seconds,
      imagesPerSecond: reading.images / reading.seconds,
      shares: reading.shares,
      bottleneck: bottleneck(reading.shares),
      peakMemoryBytes: peakMemory,
      throughput: samples,
    },
  };
}

interface Counts {
  readonly ended: number;
  readonly failed: number;
  readonly listed: number;
  readonly complete: boolean;
  readonly runners: number | undefined;
}

/** What matters most comes first: of what does not fit the end is left out, whole. */
function describe(
  { ended, failed, listed, complete, runners }: Counts,
  { rate, shares, depths }: ReturnType<Meter['read']>,
  barWidth: number,
): string[] {
  const share = complete && listed > 0 ? Math.min(ended / listed, 1) : 0;
  const filled = Math.round(share * barWidth);
  const bar = `${'█'.repeat(filled)}${'░'.repeat(barWidth - filled)}`;
  const left = complete ? (rate > 0 ? duration((listed - ended) / rate) : undefined) : 'listing';
  return [
    `${bar} ${grouped(ended)}/${grouped(listed)}${complete ? '' : '+'}`.trim(),
    `${rateText(rate)} images/s`,
    ...(left === undefined || share === 1 ? [] : [complete ? `${left} left` : left]),
    ...(failed > 0 ? [`${grouped(failed)} failed`] : []),
    ...(runners === undefined
      ? []
      : [
          runners === 0
            ? 'no runner: start vgg-edge runner with the same --queue'
            : counted(runners, 'runner'),
        ]),
    ...(runners === undefined || shares.engine > 0
      ? [`engine ${percent(shares.engine)}`, `decoding ${percent(shares.decoding)}`]
      : []),
    ...(runners === undefined
      ? [
          `queues: ${depths.reading} reading, ${depths.decoding} decoding, ${depths.engine + depths.writing} batches`,
        ]
      : []),
  ];
}

function fitting([first = '', ...others]: readonly string[], columns: number): string {
  let line = first.slice(0, columns);
  for (const part of others) {
    if (line.length + SEPARATOR.length + part.length > columns) break;
    line += SEPARATOR + part;
  }
  return line;
}

/** Kinds of failures that the summary names, and the characters of an example. */
const KINDS = 5;
const EXAMPLE = 160;

function summaryLines(report: RunReport, paths: { failures: string; report: string }): string[] {
  const { totals, reading, samples, peakMemory, failures } = report;
  const { items, vectors, failed, shards } = totals;
  const top = Math.max(...samples.map(({ rate }) => rate), 0);
  const lines = [
    `${counted(items, 'input')}: ${counted(vectors, 'vector')} in ${counted(shards, 'shard')}, ${grouped(failed)} failed${failed > 0 ? ` (${paths.failures})` : ''}`,
    ...failures.slice(0, KINDS).map(({ code, count, first: { id, reason } }) => {
      const line = `  ${grouped(count)} ${code}, the first ${id}: ${reason}`;
      return line.length > EXAMPLE ? `${line.slice(0, EXAMPLE)}…` : line;
    }),
  ];
  if (reading.images === 0) return [...lines, 'Everything was done before.'];
  return [
    ...lines,
    `${grouped(reading.images)} of them now, in ${duration(reading.seconds)}: ${rateText(reading.images / reading.seconds)} images/s, peak memory ${grouped(Math.round(peakMemory / 2 ** 20))} MB`,
    ...(reading.shares.engine > 0
      ? [`Busy: ${describeShares(reading.shares)}; the bottleneck is ${bottleneck(reading.shares)}`]
      : []),
    `${sparkline(samples)} up to ${rateText(top)} images/s; the picture is ${paths.report}`,
  ];
}
