/**
 * Runs the real command line over toy stages, as a process of its own.
 */
import { cpSync } from "node:fs";
import { join } from "node:path";
import type { RunEvent } from "../../pipeline/events.ts";
import { projectRoot } from "./paths.ts";

export interface CliResult {
  readonly code: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Commands of a store alone. */
const withoutRecipe = ["verify", "gc", "pull", "runs"];

/** Arguments that every toy command gets. */
export function toyArguments(store: string, args: readonly string[]): string[] {
  const [command, ...rest] = args;
  const recipe = withoutRecipe.includes(command) ? [] : ["--recipe", "toy"];
  return [command, ...recipe, "--store", store, ...rest];
}

/** A command as a system starts it: its program, then the arguments. */
export function toyCommandLine(store: string, args: readonly string[]): string[] {
  return [Deno.execPath(), "run", "-A", "--quiet", toyMain, ...toyArguments(store, args)];
}

/** A command that has not been started. */
export function toyCommand(
  store: string,
  args: readonly string[],
  env: Readonly<Record<string, string>> = {},
): Deno.Command {
  const [program, ...programArgs] = toyCommandLine(store, args);
  return new Deno.Command(program, {
    args: programArgs,
    env,
    cwd: projectRoot,
    stdin: "null",
    stdout: "piped",
    stderr: "piped",
  });
}

const toyMain = join(import.meta.dirname!, "toy_stages", "main.ts");

/** Runs a command to its end. */
export async function toy(store: string, ...args: string[]): Promise<CliResult> {
  const { code, stdout, stderr } = await toyCommand(store, args).output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, stdout: text(stdout), stderr: text(stderr) };
}

let finished: string | undefined;

/** Makes a store with the results of a whole run. The run takes place once for each test file; its store is copied. */
export async function finishedStore(store: string): Promise<void> {
  if (finished === undefined) {
    const folder = Deno.makeTempDirSync({ prefix: "dept-test-" });
    addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
    finished = join(folder, "store");
    const { code, stderr } = await toy(finished, "run");
    if (code !== 0) throw new Error(`The toy run ended with code ${code}: ${stderr}`);
  }
  cpSync(finished, store, { recursive: true, preserveTimestamps: true });
}

/** The events of a `run --json`. */
export function eventsOf({ stdout }: Pick<CliResult, "stdout">): RunEvent[] {
  return stdout.trim().split("\n").map((line) => JSON.parse(line));
}

/** The instances that ran, sorted. */
export function ranIn(result: CliResult): string[] {
  const summary = eventsOf(result).find((event) => event.type === "summary");
  return [...summary?.ran ?? []].sort();
}

/** Object digests by instance and output: what a store's manifests say that was made. */
export function objectsIn(store: string): Record<string, string> {
  const objects: Record<string, string> = {};
  for (const { name } of Deno.readDirSync(join(store, "manifests"))) {
    const manifest = JSON.parse(Deno.readTextFileSync(join(store, "manifests", name)));
    for (const [output, digest] of Object.entries<string>(manifest.outputs)) {
      objects[`${manifest.instance}#${output}`] = digest;
    }
  }
  return objects;
}

/** The names in a folder, sorted; none when it is absent. */
export function namesIn(folder: string): string[] {
  try {
    return [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch {
    return [];
  }
}

/** Waits until something holds. @throws Error after a minute. */
export async function until(what: string, holds: () => boolean): Promise<void> {
  for (let waited = 0; waited < 60_000; waited += 20) {
    if (holds()) return;
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  throw new Error(`Waited in vain for ${what}`);
}

/** Calls with a folder that is removed afterwards. */
export async function inTemporaryFolder(
  use: (folder: string) => void | Promise<void>,
): Promise<void> {
  const folder = Deno.makeTempDirSync({ prefix: "dept-test-" });
  try {
    await use(folder);
  } finally {
    await removeFolder(folder);
  }
}

/** Removes a folder into which the child of a killed runner may write for a moment yet. */
async function removeFolder(folder: string): Promise<void> {
  for (let attempt = 1;; attempt++) {
    try {
      return Deno.removeSync(folder, { recursive: true });
    } catch (error) {
      if (attempt === 20 || !/not empty/.test(String(error))) throw error;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
  }
}

/** Path, size and time of every file below a folder: what changes when anything is written. */
export function filesIn(folder: string): string[] {
  return [...Deno.readDirSync(folder)].flatMap(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return [path, ...filesIn(path)];
    const { size, mtime } = Deno.lstatSync(path);
    return [`${path} ${size} ${mtime?.getTime()}`];
  }).sort();
}
