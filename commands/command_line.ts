/**
 * A command line whose commands are loaded when they are called.
 */
import { Command, CommanderError } from "commander";
import { messageOf, StageError, systemError, UsageError } from "../base/mod.ts";
import { OutputError, printError, write } from "./screen.ts";
import { version } from "./version.ts";

/** What the file of a command exports as `command`. */
export interface CommandModule<Context> {
  /** Adds the options and the examples that its help shows. */
  declare(command: Command): void;
  /**
   * Does it, with the values of its arguments and then its options.
   * @returns the exit code; 0 if there is none
   */
  act(context: Context, ...values: never[]): Promise<number | void>;
}

/** A line of the help, and the file of the command. */
type Row<Context> = readonly [
  description: string,
  load: () => Promise<{ readonly command: CommandModule<Context> }>,
];

export interface CommandLine<Context> {
  /** What a user types before the arguments. */
  readonly name: string;
  readonly description: string;
  readonly examples: string;
  /** By name and arguments: `run [targets...]`. */
  readonly commands: Readonly<Record<string, Row<Context>>>;
  /** Errors that are not defects of this program, besides `UsageError` and `StageError`: printed without their stack. */
  readonly expected?: readonly (new (message?: string) => Error)[];
  /** Gives an error a message that says what to do, if it knows one. */
  readonly translate?: (error: unknown, args: readonly string[]) => unknown;
  /** The exit code after the reader of the output has ended (`… | head`); without it, that is an error. */
  readonly unreadCode?: number;
}

/** Makes every option of one value an error when it is given again: the first value would be passed over without a word. */
function refuseRepeats(command: Command): void {
  for (const option of command.options) {
    if (option.parseArg !== undefined || option.variadic || option.isBoolean()) continue;
    let first: string | undefined;
    option.argParser((value: string) => {
      if (first !== undefined) {
        throw new UsageError(
          `Cannot accept ${option.long} ${value}: expected it once, found ${first} before it`,
        );
      }
      return first = value;
    });
  }
}

/**
 * Refuses empty values: what a shell makes of a variable that is not set would else stand for this folder, or for nothing.
 * @throws UsageError; a `<text>` may be empty
 */
function refuseEmpty(command: Command): void {
  const values = [
    ...command.registeredArguments.map((argument, i) =>
      [`<${argument.name()}>`, command.processedArgs[i]] as const
    ),
    ...command.options.filter(({ flags }) => !flags.includes("<text>"))
      .map((option) => [option.long, command.getOptionValue(option.attributeName())] as const),
  ];
  for (const [name, value] of values) {
    if (![value].flat().includes("")) continue;
    throw new UsageError(`Cannot accept ${name} "": expected a value, found an empty text`);
  }
}

/** Runs the command that arguments name. @returns the exit code: of the command, 1 for an error, 2 for bad usage */
export async function runCommand<Context>(
  line: CommandLine<Context>,
  args: readonly string[],
  context: Context,
): Promise<number> {
  let code = 0;
  const program = new Command(line.name)
    .description(line.description)
    .version(version, "-V, --version", "print the version")
    .configureOutput({
      writeOut: (text) => void write(Deno.stdout, text),
      writeErr: (text) => printError(text.trimEnd()),
    })
    .exitOverride()
    .showHelpAfterError("(--help says what there is)")
    .helpCommand(false)
    .configureHelp({ subcommandTerm: (command) => `${command.name()} ${command.usage()}` })
    .addHelpText("after", line.examples);
  const called = args.find((arg) => !arg.startsWith("-"));
  try {
    for (const [form, [description, load]] of Object.entries(line.commands)) {
      const command = program.command(form).description(description);
      if (command.name() !== called) continue;
      const module = (await load()).command;
      module.declare(command);
      refuseRepeats(command);
      if (!command.options.some(({ long }) => long === "--verbose")) {
        command.option("-v, --verbose", "print stacks of errors");
      }
      command.action(async (...values: unknown[]) => {
        refuseEmpty(command);
        code = await module.act(context, ...values.slice(0, -1) as never[]) ?? 0;
      });
    }
    if (args.length === 0) program.outputHelp();
    else await program.parseAsync(args, { from: "user" });
    return code;
  } catch (thrown) {
    if (thrown instanceof CommanderError) return thrown.exitCode === 0 ? 0 : 2; // it has said why
    if (thrown instanceof Deno.errors.BrokenPipe && line.unreadCode !== undefined) {
      return line.unreadCode;
    }
    const error = line.translate?.(thrown, args) ?? thrown;
    const isUsage = error instanceof UsageError;
    const refused = systemError(error);
    const isExpected = isUsage || error instanceof StageError || error instanceof OutputError ||
      refused !== undefined || line.expected?.some((kind) => error instanceof kind);
    const isVerbose = args.includes("--verbose") || args.includes("-v");
    // A defect of this program can only be found with its stack.
    const stack = isVerbose || !isExpected ? (error as Error | undefined)?.stack : undefined;
    printError(
      `error: ${stack ?? (refused === undefined ? messageOf(error) : refusal(refused, error))}`,
    );
    return isUsage ? 2 : 1;
  }
}

/** An error of the system that no command has put into words of its own. */
function refusal({ found, path }: NonNullable<ReturnType<typeof systemError>>, error: unknown) {
  const what = path === undefined ? `${found} (${messageOf(error)})` : `${found} at "${path}"`;
  return `Cannot go on: found ${what}; -v prints the stack`;
}
