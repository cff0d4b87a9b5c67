/**
 * File lists: a text file `*.files` that names the files of a source, one a line.
 *
 *     # the first two shards
 *     part-0.parquet
 *     more/part-*.jsonl.gz
 *     hf://datasets/allenai/c4/sw/c4-sw.tfrecord-00000-of-01024.json.gz
 *
 * Paths are relative to the list; blank lines and what follows `#` at the start of a line are left out. Order counts.
 */
import { basename, dirname, isAbsolute, join } from "node:path";
import { messageOf, readWholeFile, UsageError } from "../base/mod.ts";
import { isRemote } from "./hub/mod.ts";
import { DataError } from "./readers/data_error.ts";
import { checkText } from "./readers/first_bytes.ts";

/** The end of a list's name. */
export const fileListEnding = ".files";

/**
 * What the lines of a list name: paths, folders and globs seen from where the list is seen from, and remote names as written.
 *
 * @throws UsageError when the list cannot be read, names nothing, a file twice, or another list.
 */
export function readFileList(path: string): readonly string[] {
  const fail = (place: string, expected: string, found: string, cause?: unknown): never => {
    throw new UsageError(
      `Cannot read "${basename(path)}"${place}: expected ${expected}, found ${found}`,
      {
        cause,
      },
    );
  };
  let bytes: Uint8Array;
  try {
    bytes = readWholeFile(path, Infinity);
  } catch (cause) {
    return fail("", "a list of files", messageOf(cause), cause);
  }
  let text: string;
  try {
    checkText(bytes);
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (cause) {
    const reason = cause instanceof DataError ? cause.message : "expected UTF-8, found other bytes";
    throw new UsageError(`Cannot read "${basename(path)}": ${reason}`, { cause });
  }
  const seen = new Set<string>();
  for (const [i, line] of text.split(/\r\n?|\n/).entries()) {
    const name = line.trim();
    if (name === "" || name.startsWith("#")) continue;
    const place = `, line ${i + 1}`;
    if (name.endsWith(fileListEnding)) fail(place, "a file with data", `another list, "${name}"`);
    const file = isRemote(name) || isAbsolute(name) ? name : join(dirname(path), name);
    if (seen.has(file)) fail(place, "each file once", `"${name}" again`);
    seen.add(file);
  }
  if (seen.size === 0) fail("", "at least one file", "none");
  return [...seen];
}
