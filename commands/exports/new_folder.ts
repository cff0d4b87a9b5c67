/**
 * A folder that gets its name when everything in it is written. Until then it stands beside its place under a name of its own.
 */
import { dirname, resolve } from "node:path";
import { removeTree, systemError, UsageError } from "../../base/mod.ts";
import { checkFolderToFill } from "../file_output.ts";
import { signalCodes, type StopSignal } from "../stop_signals.ts";

/**
 * Checks before long work that a folder can be made.
 * @throws UsageError for one that holds something, for a file or link of that name, and where no folder can be made
 */
export function checkNewFolder(path: string): void {
  const found = foundAt(path);
  if (found !== undefined) {
    throw new UsageError(
      `Cannot export to "${path}": expected a new or empty folder, found ${found}; nothing was written`,
    );
  }
  checkFolderToFill(path);
}

/**
 * Fills a new folder. If `fill` throws, or a signal ends the program, nothing is left.
 * @param path As `checkNewFolder` takes it
 */
export async function fillNewFolder(
  path: string,
  fill: (folder: string) => Promise<void>,
): Promise<void> {
  checkNewFolder(path);
  const target = resolve(path);
  Deno.mkdirSync(dirname(target), { recursive: true });
  const folder = unfinished(target, Deno.pid);
  removeTree(folder); // of a killed process that had the same id
  const stops = Object.entries(signalCodes).map(([signal, code]) =>
    [signal as StopSignal, () => {
      removeTree(folder);
      Deno.exit(code);
    }] as const
  );
  for (const [signal, stop] of stops) Deno.addSignalListener(signal, stop);
  try {
    Deno.mkdirSync(folder);
    await fill(folder);
    checkNewFolder(path); // another command may have been quicker
    if (isThere(target)) Deno.removeSync(target); // empty, else this fails
    Deno.renameSync(folder, target);
  } finally {
    for (const [signal, stop] of stops) Deno.removeSignalListener(signal, stop);
    removeTree(folder);
  }
}

/** The name of a folder while a process fills it. */
function unfinished(target: string, pid: number): string {
  return `${target}.${pid}.tmp`;
}

/** Removes what a process has left that was ended while it filled a folder. */
export function removeUnfinished(path: string, pid: number): void {
  removeTree(unfinished(resolve(path), pid));
}

/** What stands in the way, or undefined. */
function foundAt(path: string): string | undefined {
  try {
    const { isDirectory, isSymlink } = Deno.lstatSync(path);
    if (isSymlink) return "a link";
    if (!isDirectory) return "a file";
    const [first, second] = Deno.readDirSync(path);
    if (first === undefined) return undefined;
    return `"${first.name}" in it${second === undefined ? "" : " and more"}`;
  } catch (error) {
    const refused = systemError(error);
    if (refused === undefined) throw error;
    return refused.name === "ENOENT" ? undefined : refused.found;
  }
}

function isThere(path: string): boolean {
  try {
    return Deno.lstatSync(path).isDirectory;
  } catch {
    return false;
  }
}
