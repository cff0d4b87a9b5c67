/**
 * Commands that open tokenizers of others work in a process of their own: the npm package `tokenizers` ends its process at a file or a text
 * that it does not expect, and then somebody must be left to say so.
 */
import { leaveSignals } from "../base/mod.ts";
import { isForeign } from "../tokenizers/mod.ts";
import { printError } from "./screen.ts";
import { signalCodes, type StopSignal } from "./stop_signals.ts";

/** Set for the process that does the work. */
const variable = "DEPT_OWN_PROCESS";

/** The tokenizer that arguments name, if it is one of others and this process is not the one that opens it. */
export function tokenizerToGuard(args: readonly string[]): string | undefined {
  const path = args.flatMap((arg, at) => {
    if (arg === "-t" || arg === "--tokenizer") return args.slice(at + 1, at + 2);
    return /^(?:-t|--tokenizer=)(.+)$/s.exec(arg)?.slice(1) ?? [];
  })[0];
  return path !== undefined && isToGuard(path) ? path : undefined;
}

function isToGuard(tokenizer: string): boolean {
  return !Deno.env.has(variable) && isForeign(tokenizer);
}

/** Called with a tokenizer's folder before it is opened. It throws what `guardingTokenizers` waits for. */
export type TokenizerGuard = (folder: string) => void;

/** A tokenizer of others was found, which this process does not open. */
class TokenizerOfOthers extends Error {
  readonly folder: string;

  constructor(folder: string) {
    super(`"${folder}" is to be opened in a process of its own`);
    this.folder = folder;
  }
}

/**
 * Does the work of a command that finds its tokenizer in the store. Where that is one of others, the command begins again in
 * another process.
 *
 * @param work Calls its argument before it has printed or written anything
 * @param clean Removes what a process has left that was ended, by its id
 */
export async function guardingTokenizers(
  work: (guard: TokenizerGuard) => Promise<number | void>,
  clean?: (pid: number) => void,
): Promise<number | void> {
  try {
    return await work((folder) => {
      if (isToGuard(folder)) throw new TokenizerOfOthers(folder);
    });
  } catch (error) {
    if (!(error instanceof TokenizerOfOthers)) throw error;
    return await inOwnProcess(Deno.args, error.folder, clean);
  }
}

/**
 * Does what this program was asked for in another process.
 * @param clean As `guardingTokenizers` takes it
 * @returns its exit code; 1 where a signal that nobody sent ended it
 */
export async function inOwnProcess(
  args: readonly string[],
  tokenizer: string,
  clean?: (pid: number) => void,
): Promise<number> {
  leaveSignals(); // the terminal sends them to both
  const child = new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--quiet", Deno.mainModule, ...args],
    env: { [variable]: "1" },
    stdin: "inherit",
    stdout: "inherit",
    stderr: "inherit",
  }).spawn();
  Deno.addSignalListener("SIGTERM", () => child.kill("SIGTERM"));
  const { code, signal } = await child.status;
  if (signal === null) return code;
  clean?.(child.pid);
  if (Object.hasOwn(signalCodes, signal)) return signalCodes[signal as StopSignal];
  printError(
    `error: Cannot use tokenizer "${tokenizer}": expected a file and a text that the npm package "tokenizers" takes, ` +
      `found that its process was ended (${signal})`,
  );
  return 1;
}
