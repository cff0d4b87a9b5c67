/**
 * Fields of a record by name or path, and how messages speak of them.
 */
import { didYouMean } from "../../base/mod.ts";

/** A name that is listed in a message is followed by at most this many others. */
const namedFields = 8;

/** The value at `path`, `meta.pile_set_name`; undefined when there is none. A field of that very name comes first. */
export function fieldAt(record: unknown, path: string): unknown {
  if (typeof record !== "object" || record === null) return undefined;
  if (Object.hasOwn(record, path)) return (record as Record<string, unknown>)[path];
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) {
    const outer = path.slice(0, dot);
    if (!Object.hasOwn(record, outer)) continue;
    const inner = fieldAt((record as Record<string, unknown>)[outer], path.slice(dot + 1));
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** The text of a record, or why it has none. `word`: what the format calls a field. */
export function textOf(
  record: unknown,
  field: string,
  word: "field" | "column",
): { text: string } | { problem: string } {
  if (typeof record !== "object" || record === null || Array.isArray(record)) {
    return { problem: `expected an object, found ${kindOf(record)}` };
  }
  const value = fieldAt(record, field);
  if (typeof value === "string") return wellFormed(value, field, word);
  if (value === undefined) {
    return { problem: `expected a ${word} "${field}", found ${describeFields(record, field)}` };
  }
  if (!(value instanceof Uint8Array)) {
    return { problem: `${word} "${field}": expected a string, found ${kindOf(value)}` };
  }
  try {
    // Columns of bytes without a declared meaning: old writers keep text in them.
    const text = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(value);
    return { text };
  } catch {
    return { problem: `${word} "${field}": expected UTF-8, found other bytes` };
  }
}

function wellFormed(
  text: string,
  field: string,
  word: string,
): { text: string } | { problem: string } {
  if (text.isWellFormed()) return { text };
  return {
    problem: `${word} "${field}": expected well-formed Unicode, found a lone surrogate ` +
      `at character ${loneSurrogate(text) + 1}`,
  };
}

export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function describeFields(record: object, wanted: string): string {
  const names = Object.keys(record);
  return names.length === 0 ? "an object without fields" : listNames(names, wanted);
}

/** `"a", "b" and 3 more (did you mean "a"?)` */
export function listNames(names: readonly string[], wanted: string): string {
  const more = names.length > namedFields ? ` and ${names.length - namedFields} more` : "";
  const listed = names.slice(0, namedFields).map((name) => JSON.stringify(name)).join(", ");
  return `${listed}${more}${didYouMean(wanted, names)}`;
}

/** Position of the first surrogate without its other half. */
function loneSurrogate(text: string): number {
  const replaced = text.toWellFormed();
  let at = 0;
  while (text[at] === replaced[at]) at++;
  return at;
}
