/** Programs that are called by name: `deno task bench train [options]`, `deno task instruments crash [options]`. */
import { version } from "../../commands/version.ts";
import { didYouMean, UsageError } from "../../base/mod.ts";

interface Program {
  /** One line for the list. */
  readonly about: string;
  load(): Promise<{ main(args: readonly string[]): Promise<void> }>;
}

/** Runs the program that the first argument names; `--help` lists all. Ends the process with code 2 for wrong usage. */
export async function runProgram(
  task: string,
  programs: Readonly<Record<string, Program>>,
  [name, ...args]: readonly string[],
): Promise<void> {
  const names = Object.keys(programs);
  if (name === "--version" || name === "-V") return console.log(version);
  if (name === undefined || name === "--help" || name === "-h") {
    const width = Math.max(...names.map((name) => name.length));
    const list = names.map((name) => `  ${name.padEnd(width)}  ${programs[name].about}`);
    return console.log(`deno task ${task} NAME [options]\n\n${list.join("\n")}`);
  }
  try {
    if (!Object.hasOwn(programs, name)) {
      throw new UsageError(
        `Cannot run "${name}": expected one of ${names.join(", ")}${didYouMean(name, names)}`,
      );
    }
    const { main } = await programs[name].load();
    await main(args);
  } catch (error) {
    // `parseArgs` throws a TypeError with a code for options that it does not know.
    if (!(error instanceof UsageError || error instanceof TypeError && "code" in error)) {
      throw error;
    }
    console.error(error.message);
    Deno.exit(2);
  }
}
