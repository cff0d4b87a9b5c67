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
import { UsageError } from "../../base/mod.ts";

/** Modules by the end of a name; names of text may go on with `.gz` or `.zst`. */
export const readerModules = {
  ".jsonl": "./jsonl.ts",
  ".ndjson": "./jsonl.ts",
  ".json": "./json.ts", // an array, objects on end, or JSON lines, as C4 and Dolma have
  ".txt": "./text.ts",
  ".csv": "./csv.ts",
  ".tsv": "./tsv.ts",
  ".parquet": "./parquet.ts",
  ".parquet.encrypted": "./parquet.ts", // which says why it cannot be read
  ".arrow": "./arrow.ts",
  ".arrows": "./arrow.ts",
  ".arrow_file": "./arrow.ts",
  ".stream": "./arrow.ts",
  ".feather": "./arrow.ts",
  ".ipc": "./arrow.ts",
} as const;

/** Formats that are text, and so may be compressed as a whole. */
const compressible: readonly string[] = [".jsonl", ".ndjson", ".json", ".txt", ".csv", ".tsv"];

/** Absolute URL of the module that reads a file. @throws UsageError when no reader takes its name. */
export function readerModule(path: string): string {
  const name = basename(path);
  const entry = Object.entries(readerModules).find(([end]) =>
    endings(end).some((e) => name.endsWith(e))
  );
  if (entry === undefined) {
    throw new UsageError(
      `Cannot read "${path}": expected a name that ends in one of ${
        Object.keys(readerModules).join(", ")
      } (text formats also with .gz or .zst after it), found ${
        name.includes(".") ? `"${name.slice(name.indexOf("."))}"` : "no ending"
      }`,
    );
  }
  return new URL(entry[1], import.meta.url).href;
}

function endings(end: string): string[] {
  return compressible.includes(end) ? [end, `${end}.gz`, `${end}.zst`] : [end];
}
