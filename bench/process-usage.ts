// What a process has used so far, from Linux's /proc: CPU time and resident memory. For servers that run in
// processes of their own.

import { readdirSync, readFileSync } from 'node:fs';

/** A tick of /proc/PID/stat, milliseconds: USER_HZ is 100 on every Linux that Node runs on. */
const TICK = 10;
const PAGE_BYTES = 4096;

/** Processor time of all its threads, user and system, milliseconds. */
export function cpuMilliseconds(pid: number): number {
  const fields = statOf(pid);
  return (Number(fields[11]) + Number(fields[12])) * TICK;
}

/** The same, and of the processes it started that have ended. */
export function familyCpuMilliseconds(pid: number): number {
  const ticks = statOf(pid).slice(11, 15).map(Number);
  return ticks.reduce((sum, each) => sum + each, 0) * TICK;
}

/** Bytes of its memory that are in RAM (RSS). */
export function residentBytes(pid: number): number {
  const pages = readFileSync(`/proc/${pid}/statm`, 'utf8').split(' ')[1];
  return Number(pages) * PAGE_BYTES;
}

/** The most of it that there was since its start. */
export function peakBytes(pid: number): number {
  const kilobytes = /^VmHWM:\s+(\d+) kB/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1];
  return Number(kilobytes) * 1024;
}

/** All below the process, children's children too, whose program has this name. */
export function descendants(pid: number, program: string): number[] {
  const parents = new Map<number, number>();
  for (const entry of readdirSync('/proc')) {
    const process = Number(entry);
    // A process may end while the list is read.
    if (Number.isInteger(process)) parents.set(process, Number(attempt(() => statOf(process)[1]) ?? 0));
  }
  const isBelow = (process: number): boolean => {
    const parent = parents.get(process) ?? 0;
    return parent === pid || (parent > 1 && isBelow(parent));
  };
  return [...parents.keys()].filter((process) => isBelow(process) && nameOf(process) === program);
}

/** Fields from the third on: the second, the program's name in brackets, may hold spaces. */
function statOf(pid: number): string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return text.slice(text.lastIndexOf(')') + 2).split(' ');
}

function nameOf(pid: number): string | undefined {
  return attempt(() => readFileSync(`/proc/${pid}/comm`, 'utf8').trim());
}

function attempt<T>(read: () => T): T | undefined {
  try {
    return read();
  } catch {
    return undefined;
  }
}
