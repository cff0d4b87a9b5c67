/**
 * Programs of this machine that tests need.
 */
import { delimiter, join } from "node:path";
import { isFile } from "../../base/mod.ts";

/** The file of a program, in the folders of PATH or in these besides; undefined where there is none. */
export function programFile(name: string, more: readonly string[] = []): string | undefined {
  const folders = [...(Deno.env.get("PATH") ?? "").split(delimiter), ...more];
  return folders.map((folder) => join(folder, name)).find(isFile);
}

/** Whether all of these are in the folders of PATH. */
export function areInstalled(programs: readonly string[]): boolean {
  return programs.every((name) => programFile(name) !== undefined);
}
