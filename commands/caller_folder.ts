/**
 * Where a user typed a command: paths of recipes and of `--set` are relative to it.
 */
import { isAbsolute } from "node:path";

/**
 * The working folder, or, under `deno task`, which runs everything in the folder of `deno.json`, the one that it was called in.
 *
 * @param root The folder of `deno.json`.
 */
export function callerFolder(root: string): string {
  const here = Deno.cwd();
  const called = Deno.env.get("INIT_CWD");
  return here === root && called !== undefined && isAbsolute(called) ? called : here;
}
