/**
 * Where tests and benchmarks find real text: `DEPT_TEST_DATA`, else `../shared/data` beside the checkout. Tests that need it
 * skip with a reason where it is absent.
 */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { gunzipSync } from "node:zlib";
import { fromFileUrl } from "./paths.ts";

/** The folder of real data, whether it exists or not. */
export const dataPath: string = Deno.env.get("DEPT_TEST_DATA") ??
  fromFileUrl(import.meta.resolve("../../../shared/data"));

/** A path in the data folder, and whether a test must be ignored because nothing is there. */
export function needsData(...parts: string[]): { path: string; ignore: boolean } {
  const path = join(dataPath, ...parts);
  const ignore = !existsSync(path);
  if (ignore) console.warn(`skipped: no ${parts.join("/")} in the test data (set DEPT_TEST_DATA)`);
  return { path, ignore };
}

/** The texts of a source's documents; `source` is a path below the data folder, as in `domains/code`. */
export function readTexts(data: string, source: string, split: "train" | "validation"): string[] {
  const packed = Deno.readFileSync(join(data, source, `${split}.jsonl.gz`));
  return gunzipSync(packed).toString("utf8").trimEnd().split("\n")
    .map((line) => JSON.parse(line).text as string);
}

/** All sources below the data folder, sorted. */
export function sourceNames(data: string): string[] {
  return ["domains", "multilingual"].flatMap((folder) =>
    [...Deno.readDirSync(join(data, folder))].filter((entry) => entry.isDirectory)
      .map(({ name }) => `${folder}/${name}`).sort()
  );
}
