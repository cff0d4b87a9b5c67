/**
 * Readers by the end of a file's name. An entry names a module that exports `reader`; it is loaded only when a file needs it.
 *
 * ```ts
 * import { readerModule } from "./mod.ts";
 * const { reader } = await import(readerModule("train.jsonl.gz"));
 * console.log(reader.format); // jsonl
 * ```
 */
import { basename } from "node:path";
import { UsageError } from "../../pipeline/base/mod.ts";

/** Modules by the end of a name. */
export const readerModules = {
  ".jsonl": "./jsonl.ts",
  ".jsonl.gz": "./jsonl.ts",
  ".ndjson": "./jsonl.ts",
  ".ndjson.gz": "./jsonl.ts",
  ".json.gz": "./jsonl.ts", // C4 and Dolma name their JSON lines so
  ".txt": "./text.ts",
  ".txt.gz": "./text.ts",
} as const;

/** Absolute URL of the module that reads a file. @throws UsageError when no reader takes its name. */
export function readerModule(path: string): string {
  const name = basename(path);
  const entry = Object.entries(readerModules).find(([end]) => name.endsWith(end));
  if (entry === undefined) {
    throw new UsageError(
      `Cannot read "${name}": expected a name that ends in one of ${
        Object.keys(readerModules).join(", ")
      }, found ${name.includes(".") ? `"${name.slice(name.indexOf("."))}"` : "no ending"}`,
    );
  }
  return new URL(entry[1], import.meta.url).href;
}
