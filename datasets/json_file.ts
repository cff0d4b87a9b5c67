/**
 * Small JSON files beside the Arrow files.
 */
import { basename } from "node:path";
import { messageOf, StageError } from "../base/mod.ts";

/**
 * The object in a JSON file of format 1, with non-negative finite numbers in the fields of `numbers`.
 *
 * @throws StageError when the file is missing or is no such object.
 */
export function readJsonFile<T extends object>(path: string, numbers: readonly string[]): T {
  const fail = (expected: string, found: string, cause?: unknown): never => {
    throw new StageError(
      `Cannot read "${basename(path)}": expected ${expected}, found ${found}`,
      { cause },
    );
  };
  let value: Record<string, unknown> | null;
  try {
    value = JSON.parse(Deno.readTextFileSync(path));
  } catch (cause) {
    if (cause instanceof Deno.errors.NotFound) return fail("a file", "nothing there", cause);
    return fail("JSON", messageOf(cause), cause);
  }
  if (typeof value !== "object" || value?.format !== 1) {
    return fail("an object of format 1", `format ${JSON.stringify(value?.format)}`);
  }
  for (const name of numbers) {
    const number = value[name];
    if (typeof number !== "number" || !(number >= 0)) {
      fail(`a count in field "${name}"`, `${JSON.stringify(number)}`);
    }
  }
  return value as T;
}

/** A record of format 1 that can be made again: undefined where there is none, or a damaged one. */
export function keptRecord<T extends { readonly format: 1 }>(path: string): T | undefined {
  try {
    const record = JSON.parse(Deno.readTextFileSync(path));
    return record.format === 1 ? record : undefined;
  } catch {
    return undefined;
  }
}
