// Numbers for operators, in Prometheus' text format. A registry of our own because prom-client samples
// the Node process and does not load in workerd; what is needed of it fits here.
// https://prometheus.io/docs/instrumenting/exposition_formats/

export const METRICS_CONTENT_TYPE = 'text/plain; version=0.0.4; charset=utf-8';

export type Labels = Readonly<Record<string, string>>;

export interface Counter {
  add(amount?: number, labels?: Labels): void;
}

export interface Histogram {
  observe(value: number, labels?: Labels): void;
}

export interface MetricRegistry {
  /** Only ever grows; its name ends in `_total`. */
  counter(name: string, help: string): Counter;
  /** Upper bounds of the buckets, ascending, without +Inf. */
  histogram(name: string, help: string, bounds: readonly number[]): Histogram;
  /** Read when the page is asked for. */
  gauge(name: string, help: string, read: () => number): void;
  /** The page. */
  text(): string;
}

/**
 * Label values come from fixed sets: some 60 pairs of route and method, each with 18 statuses, or 35 codes. Past
 * this many combinations something is wrong and they are dropped.
 */
const MAX_SERIES = 2500;

export function createMetricRegistry(): MetricRegistry {
  const families: { header: string; lines: () => string[] }[] = [];
  const register = (name: string, type: string, help: string, lines: () => string[]) => {
    families.push({ header: `# HELP ${name} ${help}\n# TYPE ${name} ${type}`, lines });
  };
  return {
    counter(name, help) {
      const series = new Map<string, number>();
      register(name, 'counter', help, () => [...series].map(([labels, value]) => line(name, labels, value)));
      return {
        add(amount = 1, labels = {}) {
          const key = format(labels);
          if (amount >= 0 && hasRoom(series, key)) series.set(key, (series.get(key) ?? 0) + amount);
        },
      };
    },
    histogram(name, help, bounds) {
      const series = new Map<string, { counts: number[]; sum: number; count: number }>();
      register(name, 'histogram', help, () =>
        [...series].flatMap(([labels, state]) => buckets(name, labels, bounds, state)),
      );
      return {
        observe(value, labels = {}) {
          const key = format(labels);
          if (!Number.isFinite(value) || !hasRoom(series, key)) return;
          const state = series.get(key) ?? { counts: bounds.map(() => 0), sum: 0, count: 0 };
          series.set(key, state);
          bounds.forEach((bound, index) => {
            if (value <= bound) state.counts[index] = (state.counts[index] ?? 0) + 1;
          });
          state.sum += value;
          state.count += 1;
        },
      };
    },
    gauge(name, help, read) {
      register(name, 'gauge', help, () => [line(name, '', read())]);
    },
    text() {
      return families.map(({ header, lines }) => [header, ...lines(), ''].join('\n')).join('');
    },
  };
}

function buckets(
  name: string,
  labels: string,
  bounds: readonly number[],
  { counts, sum, count }: { counts: number[]; sum: number; count: number },
): string[] {
  const withBound = (bound: string) => (labels === '' ? `le="${bound}"` : `${labels},le="${bound}"`);
  return [
    ...bounds.map((bound, index) => line(`${name}_bucket`, withBound(String(bound)), counts[index] ?? 0)),
    line(`${name}_bucket`, withBound('+Inf'), count),
    line(`${name}_sum`, labels, sum),
    line(`${name}_count`, labels, count),
  ];
}

function hasRoom(series: ReadonlyMap<string, unknown>, key: string): boolean {
  return series.has(key) || series.size < MAX_SERIES;
}

function line(name: string, labels: string, value: number): string {
  return labels === '' ? `${name} ${value}` : `${name}{${labels}} ${value}`;
}

function format(labels: Labels): string {
  return Object.entries(labels)
    .map(([name, value]) => `${name}="${value.replace(/[\\"]/g, '\\$&').replaceAll('\n', '\\n')}"`)
    .join(',');
}
