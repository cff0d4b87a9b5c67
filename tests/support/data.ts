/**
 * Where tests find real text: `DEPT_TEST_DATA`, else `../shared/data` beside the checkout. Tests that need it skip with a
 * reason where it is absent.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { fromFileUrl } from "./paths.ts";

const folder = Deno.env.get("DEPT_TEST_DATA") ??
  fromFileUrl(import.meta.resolve("../../../shared/data"));

/** The folder of real data, when there is one. */
export const dataFolder: string | undefined = existsSync(folder) ? folder : undefined;

/** A path in the data folder and whether the test must be ignored for want of it. */
export function needsData(...parts: string[]): { path: string; ignore: boolean } {
  const path = join(folder, ...parts);
  const ignore = !existsSync(path);
  if (ignore) console.warn(`skipped: no ${parts.join("/")} in the test data (set DEPT_TEST_DATA)`);
  return { path, ignore };
}
