/**
 * What a command prints when it runs in this process: no process starts, no module is loaded twice.
 */
import { runCommandLine } from "../../commands/main.ts";
import { type CliResult, toyArguments } from "./toy_cli.ts";
import { toyProject } from "./toy_stages/main.ts";

/** Calls before a write, by the name of the output. */
type Writers = { readonly [_ in "stdout" | "stderr"]?: () => void };

/**
 * Runs a toy command in this process. For commands that start no instances: those need a process of their own.
 * @param before Called before each write to standard output or standard error.
 */
export function toyHere(
  store: string,
  args: readonly string[],
  before: Writers = {},
): Promise<CliResult> {
  const loadProject = () => Promise.resolve(toyProject);
  return captured(() => runCommandLine(toyArguments(store, args), loadProject), before);
}

/** Calls with standard output and standard error kept as text. One at a time. */
export async function captured(
  act: () => Promise<number>,
  before: Writers = {},
): Promise<CliResult> {
  const texts = { stdout: "", stderr: "" };
  const names = ["stdout", "stderr"] as const;
  const own = names.map((name) => Deno[name].writeSync);
  for (const name of names) {
    const decoder = new TextDecoder();
    Deno[name].writeSync = (bytes) => {
      before[name]?.();
      texts[name] += decoder.decode(bytes, { stream: true });
      return bytes.length;
    };
  }
  try {
    const code = await act();
    return { code, ...texts };
  } finally {
    names.forEach((name, i) => Deno[name].writeSync = own[i]);
  }
}
