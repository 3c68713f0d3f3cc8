// The command `vgg-edge`: finds the subcommand, parses its options, and turns errors into exit codes: 0 done,
// 1 the input or the model is wrong, 2 the command line is wrong, 3 a source cannot be reached, 130 stopped.

import { InputError, ModelError, SourceError } from '../core/errors.ts';
import { widenThreadPool } from '../engine/node/thread-pool.ts';
import packageJson from '../package.json' with { type: 'json' };
import { StoppedError } from '../runner/stopped.ts';
import { type Command, commandHelp, parseCommand, UsageError } from './command.ts';
import { didYouMean } from './did-you-mean.ts';

/** Name → the file that holds it, loaded only when asked for. */
const COMMANDS: Readonly<Record<string, () => Promise<Command>>> = {
  agreement: async () => (await import('./agreement.ts')).agreement,
  build: async () => (await import('./build.ts')).build,
  duplicates: async () => (await import('./duplicates.ts')).duplicates,
  embed: async () => (await import('./embed.ts')).embed,
  eval: async () => (await import('./eval.ts')).evaluate,
  export: async () => (await import('./export.ts')).exportModel,
  fit: async () => (await import('./fit.ts')).fit,
  index: async () => (await import('./index-images.ts')).indexImages,
  inspect: async () => (await import('./inspect.ts')).inspect,
  key: async () => (await import('./key.ts')).key,
  reindex: async () => (await import('./reindex.ts')).reindex,
  runner: async () => (await import('./runner.ts')).runner,
  search: async () => (await import('./search.ts')).search,
  serve: async () => (await import('./serve.ts')).serve,
};

/** As the shell counts a program that writes into a closed pipe: 128 + SIGPIPE. */
const CLOSED_PIPE = 141;
/** 128 + SIGINT. */
const STOPPED = 130;

/** The command line as the whole process. A reader that has seen enough (`| head`) ends it without a word. */
export async function run(args: readonly string[]): Promise<void> {
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(CLOSED_PIPE);
    throw error;
  });
  widenThreadPool();
  process.exitCode = await main(args);
  // What was given up may still hold the process: a request without an answer.
  if (process.exitCode === STOPPED) process.exit();
}

/** Runs the command line without the program's name; returns the exit code. */
export async function main(args: readonly string[]): Promise<number> {
  const [first = '--help', ...others] = args;
  // `help embed` is `embed --help`.
  const [name, ...rest] =
    first === 'help' && others[0] !== undefined ? [others[0], '--help'] : [first, ...others];
  let command: Command | undefined;
  try {
    if (name === '--help' || name === 'help' || name === '-h') {
      console.log(await overview());
      return 0;
    }
    if (name === '--version') {
      console.log(packageJson.version);
      return 0;
    }
    command = await findCommand(name);
    if (rest.includes('--help') || rest.includes('-h')) {
      console.log(commandHelp(command));
      return 0;
    }
    const { positionals, values } = parseCommand(command, rest);
    await command.run(positionals, values);
    return 0;
  } catch (error) {
    return report(error, command);
  }
}

/** Throws UsageError. */
function findCommand(name: string): Promise<Command> {
  const load = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
  if (load !== undefined) return load();
  const names = Object.keys(COMMANDS);
  throw new UsageError(
    `Expected one of ${names.join(', ')} as the command but found '${name}'.${didYouMean(name, names)}`,
  );
}

async function overview(): Promise<string> {
  const commands = await Promise.all(Object.values(COMMANDS).map((load) => load()));
  const lines = commands.map(({ name, summary }) => `  ${name.padEnd(10)} ${summary}`);
  return ['vgg-edge COMMAND [options]', '', ...lines, '', 'vgg-edge COMMAND --help shows its options.'].join(
    '\n',
  );
}

/** Errors we expect get their message, others their stack as well. */
function report(error: unknown, command: Command | undefined): number {
  if (error instanceof UsageError) {
    console.error(`${error.message}\nSee vgg-edge ${command === undefined ? '' : `${command.name} `}--help.`);
    return 2;
  }
  if (error instanceof StoppedError) {
    console.error(error.message);
    return STOPPED;
  }
  if (error instanceof InputError || error instanceof ModelError) {
    console.error(`error: ${error.message}`);
    return 1;
  }
  if (error instanceof SourceError) {
    console.error(`error: ${error.message}`);
    return 3;
  }
  console.error(error);
  return 1;
}

if (import.meta.main) await run(process.argv.slice(2));
