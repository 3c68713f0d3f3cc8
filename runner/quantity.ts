// Numbers as people read them.

/** `1,234 vectors`, `1 vector`, `2 queries`. */
export function counted(number: number, thing: string): string {
  return `${grouped(number)} ${number === 1 ? thing : `${thing}s`.replace(/ys$/, 'ies')}`;
}

/** `1,234,567`. */
export function grouped(number: number): string {
  return number.toLocaleString('en');
}

/** Three digits at least, so far as there are any: `0.51`, `9.7`, `97.2`, `1,234`. */
export function rateText(rate: number): string {
  return rate >= 100 ? grouped(Math.round(rate)) : rate.toFixed(rate > 0 && rate < 1 ? 2 : 1);
}

/** `97 %`; with a digit behind the point, `97.2 %`. */
export function percent(share: number, digits = 0): string {
  return `${(share * 100).toFixed(digits)} %`;
}

/** `0.4 s`, `12 s`, `3 min 05 s`, `2 h 10 min`. */
export function duration(seconds: number): string {
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (value: number) => String(value).padStart(2, '0');
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${grouped(Math.floor(whole / 3600))} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
