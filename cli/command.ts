// What a subcommand is: one file in cli/ exports one of these, cli/main.ts lists them. Options are data, so
// that parsing and --help come from the same table.

import { type ParseArgsOptionsConfig, parseArgs } from 'node:util';
import { didYouMean } from './did-you-mean.ts';

export interface Option {
  readonly type: 'string' | 'boolean';
  /** What stands for the value in the help: `FILE`, `N`. */
  readonly value?: string;
  readonly description: string;
}

/** Option name → value as typed; checked by the readers below. */
export type Values = Readonly<Record<string, string | boolean | undefined>>;

export interface Command {
  readonly name: string;
  /** One line for the list of commands. */
  readonly summary: string;
  /** What the arguments may be, a line each, under the summary in the help. */
  readonly details?: readonly string[];
  /** What follows the name: `[MODEL|FILE|DIR] [options]`. */
  readonly usage: string;
  readonly options: Readonly<Record<string, Option>>;
  readonly examples: readonly string[];
  run(positionals: readonly string[], values: Values): Promise<void>;
}

/** The command line itself is wrong: exit code 2. */
export class UsageError extends Error {
  constructor(message: string) {
    super(message);
    this.name = 'UsageError';
  }
}

/** Throws UsageError for an option the command does not have or a missing value. */
export function parseCommand(
  command: Command,
  args: readonly string[],
): { positionals: string[]; values: Values } {
  const options: ParseArgsOptionsConfig = Object.fromEntries(
    Object.entries({ ...command.options, help: HELP }).map(([name, { type }]) => [name, { type }]),
  );
  refuseUnknown(command, args, options);
  try {
    const parsed = parseArgs({ args: [...args], options, allowPositionals: true, strict: true });
    return { positionals: parsed.positionals, values: { ...parsed.values } as Values };
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function refuseUnknown({ name }: Command, args: readonly string[], options: ParseArgsOptionsConfig): void {
  const { tokens } = parseArgs({
    args: [...args],
    options,
    allowPositionals: true,
    strict: false,
    tokens: true,
  });
  const unknown = tokens.find((token) => token.kind === 'option' && !Object.hasOwn(options, token.name));
  if (unknown?.kind !== 'option') return;
  const meant = didYouMean(unknown.name, Object.keys(options), '--');
  throw new UsageError(`Expected an option of vgg-edge ${name} but found '${unknown.rawName}'.${meant}`);
}

const HELP: Option = { type: 'boolean', description: 'shows this' };

export function commandHelp(command: Command): string {
  const rows = Object.entries({ ...command.options, help: HELP }).map(
    ([name, { value, description }]): [string, string] => [
      `  --${name}${value === undefined ? '' : ` ${value}`}`,
      description,
    ],
  );
  const width = Math.max(...rows.map(([left]) => left.length)) + 2;
  return [
    `vgg-edge ${command.name} ${command.usage}`,
    '',
    command.summary,
    ...(command.details ?? []),
    '',
    ...rows.map(([left, description]) => left.padEnd(width) + description),
    '',
    'Examples',
    ...command.examples.map((example) => `  ${example}`),
  ].join('\n');
}

export function text(values: Values, name: string): string | undefined {
  const value = values[name];
  return typeof value === 'string' ? value : undefined;
}

export function flag(values: Values, name: string): boolean {
  return values[name] === true;
}

/** A whole number from `min` to `max`. Throws UsageError. */
export function wholeNumber(
  values: Values,
  name: string,
  { min = 0, max = Number.MAX_SAFE_INTEGER }: { min?: number; max?: number } = {},
): number | undefined {
  const value = text(values, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (!/^\d+$/.test(value) || number < min || number > max) {
    throw new UsageError(`Expected a whole number from ${min} to ${max} for --${name} but found '${value}'.`);
  }
  return number;
}

const SIZE_UNITS: Readonly<Record<string, number>> = {
  '': 1,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
};

/** Bytes: `128MB` is 128,000,000, `128MiB` 134,217,728. Throws UsageError. */
export function byteSize(values: Values, name: string): number | undefined {
  const value = text(values, name);
  if (value === undefined) return undefined;
  const [, number = '', unit = ''] = /^(\d+(?:\.\d+)?)\s*([A-Za-z]*)$/.exec(value) ?? [];
  const bytes = Math.floor(Number(number) * (SIZE_UNITS[unit] ?? Number.NaN));
  if (number !== '' && bytes >= 1 && Number.isSafeInteger(bytes)) return bytes;
  throw new UsageError(`Expected a size as 128MB or 96MiB for --${name} but found '${value}'.`);
}

/** A share from 0 to 1. Throws UsageError. */
export function share(values: Values, name: string, preset: number): number {
  return numberBetween(values, name, 'a share', 0, 1) ?? preset;
}

/** A number from −1 to 1. Throws UsageError. */
export function cosine(values: Values, name: string): number | undefined {
  return numberBetween(values, name, 'a number', -1, 1);
}

function numberBetween(
  values: Values,
  name: string,
  what: string,
  min: number,
  max: number,
): number | undefined {
  const value = text(values, name);
  if (value === undefined) return undefined;
  const number = Number(value);
  if (value.trim() !== '' && number >= min && number <= max) return number;
  throw new UsageError(`Expected ${what} from ${min} to ${max} for --${name} but found '${value}'.`);
}

/** Throws UsageError. */
export function oneOf<T extends string>(choices: readonly T[], found: string, name: string): T {
  const choice = choices.find((candidate) => candidate === found);
  if (choice !== undefined) return choice;
  throw new UsageError(`Expected one of ${choices.join(', ')} for --${name} but found '${found}'.`);
}

/** The value of an option that must be given. Throws UsageError. */
export function required(values: Values, name: string): string {
  const value = text(values, name);
  if (value === undefined || value === '')
    throw new UsageError(`Expected a value for --${name} but found none.`);
  return value;
}

/** The argument of a command that takes one. Throws UsageError. */
export function onlyArgument([argument, ...others]: readonly string[], what: string): string {
  if (argument === undefined) throw new UsageError(`Expected ${what} but found none.`);
  const [second] = others;
  if (second === undefined) return argument;
  throw new UsageError(
    `Expected one argument, ${what}, but found ${others.length + 1}: '${argument}', '${second}'${others.length > 1 ? ', …' : ''}. A pattern goes into quotes, or the shell expands it.`,
  );
}
