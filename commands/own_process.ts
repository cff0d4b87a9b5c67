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
  if (Deno.env.has(variable)) return undefined;
  const path = args.flatMap((arg, at) => {
    if (arg === "-t" || arg === "--tokenizer") return args.slice(at + 1, at + 2);
    return /^(?:-t|--tokenizer=)(.+)$/s.exec(arg)?.slice(1) ?? [];
  })[0];
  return path !== undefined && isForeign(path) ? path : undefined;
}

/** Does what this program was asked for in another process. @returns its exit code; 1 where a signal that nobody sent ended it */
export async function inOwnProcess(args: readonly string[], tokenizer: string): Promise<number> {
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
  if (Object.hasOwn(signalCodes, signal)) return signalCodes[signal as StopSignal];
  printError(
    `error: Cannot use tokenizer "${tokenizer}": expected a file and a text that the npm package "tokenizers" takes, ` +
      `found that its process was ended (${signal})`,
  );
  return 1;
}
