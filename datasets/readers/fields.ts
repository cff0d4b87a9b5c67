/**
 * Fields of a record by name or path, and how messages speak of them.
 */
import { didYouMean } from "../../base/mod.ts";
import { JsonNumber } from "./json_number.ts";

/** A name that is listed in a message is followed by at most this many others. */
const namedFields = 8;

/** Whether a value has fields by name: no list, bytes, moment or number, whose own properties are no data. */
export function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value) &&
    !ArrayBuffer.isView(value) && !(value instanceof Date) && !(value instanceof JsonNumber);
}

/** The value at `path`, `meta.pile_set_name`; undefined when there is none. A field of that very name comes first. */
export function fieldAt(record: unknown, path: string): unknown {
  if (!isRecord(record)) return undefined;
  if (Object.hasOwn(record, path)) return record[path];
  for (let dot = path.indexOf("."); dot >= 0; dot = path.indexOf(".", dot + 1)) {
    const outer = path.slice(0, dot);
    if (!Object.hasOwn(record, outer)) continue;
    const inner = fieldAt(record[outer], path.slice(dot + 1));
    if (inner !== undefined) return inner;
  }
  return undefined;
}

/** The text of a record, or why it has none. `word`: what the format calls a field. */
export function textOf(
  record: object,
  field: string,
  word: "field" | "column",
): { text: string } | { problem: string } {
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

/** Why text in a record, or a name of it, cannot be written in UTF-8; undefined where all can. */
export function unicodeProblem(record: object, word: "field" | "column"): string | undefined {
  const open: [value: unknown, path: string][] = [[record, ""]];
  for (const [value, path] of open) {
    if (typeof value === "string" && !value.isWellFormed()) {
      const found = wellFormed(value, path, word);
      if ("problem" in found) return found.problem;
    }
    if (!Array.isArray(value) && !isRecord(value)) continue;
    for (const [name, inner] of Object.entries(value)) {
      if (!name.isWellFormed()) {
        return `expected names of fields in well-formed Unicode, found ${JSON.stringify(name)}`;
      }
      open.push([inner, path === "" ? name : `${path}.${name}`]);
    }
  }
  return undefined;
}

/** What a value is, with its article. */
export function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  if (value instanceof JsonNumber) return "a number";
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
