// What the stages of a run do with their time: shares, depths of queues, throughput over time.

import * as z from 'zod';

export const STAGES = ['reading', 'decoding', 'engine', 'writing'] as const;
export type Stage = (typeof STAGES)[number];

const share = z.number().min(0).max(1);

/** A stretch of a process's work, as it is told to another. */
export const lapSchema = z.strictObject({
  seconds: z.number().min(0),
  /** Of each stage's capacity in that time: 0…1. */
  shares: z.strictObject({ reading: share, decoding: share, engine: share, writing: share }),
});

export type Lap = Readonly<z.infer<typeof lapSchema>>;

/** One point of the throughput curve. */
export interface Sample {
  /** Seconds since the start, at the end of the interval. */
  readonly seconds: number;
  /** Images that came to an end per second in it. */
  readonly rate: number;
}

export interface MeterReading {
  readonly seconds: number;
  /** Inputs that came to an end in this process: vectors and failures. */
  readonly images: number;
  readonly failed: number;
  /** Images per second over the last seconds. */
  readonly rate: number;
  /** Of the stage's capacity, since the start: 0…1. */
  readonly shares: Readonly<Record<Stage, number>>;
  /** In each stage now: images being read and decoded, batches in the engine and being written. */
  readonly depths: Readonly<Record<Stage, number>>;
}

export interface Meter {
  /** Time counts from here: what was opened before is no work. */
  begin(): void;
  /** The work's time counts for the stage, and its being there for the depth. */
  time<T>(stage: Stage, work: () => Promise<T>): Promise<T>;
  /** Its being there alone. */
  hold<T>(stage: Stage, work: () => Promise<T>): Promise<T>;
  /** Time that was measured elsewhere, milliseconds. */
  add(stage: Stage, milliseconds: number): void;
  ended(images: number, failed: number): void;
  /** How many can be in the stage at once; what its share is of. */
  capacity(stage: Stage, places: number): void;
  /** The work is done by other processes, and this is a stretch of one's: the shares are theirs. */
  join(lap: Lap): void;
  read(): MeterReading;
  samples(): readonly Sample[];
}

/** Curves keep this many points; when there are more, neighbours are joined. */
const MAX_SAMPLES = 240;
/** Seconds over which `rate` looks back. */
const WINDOW = 10;

export function createMeter(now: () => number = () => performance.now()): Meter {
  let start = now();
  const busy: Record<Stage, number> = { reading: 0, decoding: 0, engine: 0, writing: 0 };
  const depths: Record<Stage, number> = { reading: 0, decoding: 0, engine: 0, writing: 0 };
  const places: Record<Stage, number> = { reading: 1, decoding: 1, engine: 1, writing: 1 };
  /** When a stage with one place became busy. */
  const since: Record<Stage, number> = { reading: 0, decoding: 0, engine: 0, writing: 0 };
  let recent: { time: number; images: number }[] = [{ time: start, images: 0 }];
  const joined = { seconds: 0, busy: { reading: 0, decoding: 0, engine: 0, writing: 0 } };
  const curve = createCurve();
  let images = 0;
  let failed = 0;

  const seconds = () => (now() - start) / 1000;
  const hold: Meter['hold'] = async (stage, work) => {
    depths[stage] += 1;
    try {
      return await work();
    } finally {
      depths[stage] -= 1;
    }
  };
  return {
    begin() {
      start = now();
      recent = [{ time: start, images: 0 }];
    },
    hold,
    async time(stage, work) {
      const begun = now();
      // Of a stage with one place, work that overlaps counts once.
      const single = places[stage] === 1;
      if (single && depths[stage] === 0) since[stage] = begun;
      try {
        return await hold(stage, work);
      } finally {
        if (!single) busy[stage] += now() - begun;
        else if (depths[stage] === 0) busy[stage] += now() - since[stage];
      }
    },
    add(stage, milliseconds) {
      busy[stage] += milliseconds;
    },
    ended(count, failures) {
      images += count;
      failed += failures;
      curve.add(seconds(), images);
      const time = now();
      const last = recent.at(-1);
      if (last === undefined || time - last.time > 500) recent.push({ time, images });
      while (recent.length > 2 && time - (recent[1]?.time ?? time) > WINDOW * 1000) recent.shift();
    },
    capacity(stage, count) {
      places[stage] = count;
    },
    join({ seconds: lapSeconds, shares }) {
      joined.seconds += lapSeconds;
      for (const stage of STAGES) joined.busy[stage] += shares[stage] * lapSeconds;
    },
    read() {
      const time = now();
      const elapsed = Math.max(time - start, 1e-9);
      const from = recent[0] ?? { time: start, images: 0 };
      const share = (stage: Stage) => {
        if (joined.seconds > 0) return joined.busy[stage] / joined.seconds;
        const underWay = places[stage] === 1 && depths[stage] > 0 ? time - since[stage] : 0;
        return Math.min(1, (busy[stage] + underWay) / (elapsed * places[stage]));
      };
      return {
        seconds: elapsed / 1000,
        images,
        failed,
        rate: ((images - from.images) * 1000) / Math.max(time - from.time, 1),
        shares: {
          reading: share('reading'),
          decoding: share('decoding'),
          engine: share('engine'),
          writing: share('writing'),
        },
        depths: { ...depths },
      };
    },
    samples: () => curve.samples(),
  };
}

/** Cuts what a meter reads into laps, one for each piece of work, of which several may be under way. */
export function createLaps(meter: Pick<Meter, 'read'>) {
  let before = meter.read();
  let underWay = 0;
  return {
    /** Time in which nothing was under way is in no lap. */
    begin(): void {
      if (underWay === 0) before = meter.read();
      underWay += 1;
    },
    /** From where the last lap ended. */
    end(): Lap {
      underWay -= 1;
      const now = meter.read();
      const seconds = Math.max(now.seconds - before.seconds, 1e-9);
      const shareOf = (stage: Stage) => {
        const busy = now.shares[stage] * now.seconds - before.shares[stage] * before.seconds;
        return Math.min(Math.max(busy / seconds, 0), 1);
      };
      const lap = {
        seconds,
        shares: {
          reading: shareOf('reading'),
          decoding: shareOf('decoding'),
          engine: shareOf('engine'),
          writing: shareOf('writing'),
        },
      };
      before = now;
      return lap;
    },
  };
}

/** Cumulative counts at growing intervals, of bounded number. */
function createCurve() {
  let interval = 1;
  let points: { seconds: number; images: number }[] = [];
  return {
    add(seconds: number, images: number): void {
      const last = points.at(-1);
      if (last !== undefined && seconds < Math.floor(last.seconds / interval + 1) * interval) {
        points[points.length - 1] = { seconds, images };
        return;
      }
      points.push({ seconds, images });
      if (points.length <= MAX_SAMPLES) return;
      interval *= 2;
      points = points.filter((_, index) => index % 2 === 1);
    },
    samples(): Sample[] {
      let before = { seconds: 0, images: 0 };
      return points.map((point) => {
        const rate = (point.images - before.images) / Math.max(point.seconds - before.seconds, 1e-3);
        before = point;
        return { seconds: point.seconds, rate };
      });
    },
  };
}

/** The stage that used most of its capacity: more of it would have helped first. */
export function bottleneck(shares: MeterReading['shares']): Stage {
  return STAGES.reduce((most, stage) => (shares[stage] > shares[most] ? stage : most));
}
