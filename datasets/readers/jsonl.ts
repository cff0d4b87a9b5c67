/**
 * JSON lines: an object a line, whose text field is a document.
 */
import { basename } from "node:path";
import { didYouMean, messageOf } from "../../pipeline/base/mod.ts";
import type { Document, DocumentReader, ReaderOptions } from "../document.ts";
import { Rejects } from "./_rejects.ts";
import { readRows } from "./_rows.ts";

export const reader: DocumentReader = { format: "jsonl", read };

/** A name that is listed in a message is followed by at most this many others. */
const namedFields = 8;

async function* read(path: string, options: ReaderOptions): AsyncGenerator<Document> {
  const file = basename(path);
  const rejects = new Rejects(file, options);
  let isEmpty = true;
  for await (const rows of readRows(path, options.maxRowBytes)) {
    for (const row of rows) {
      if ("problem" in row) {
        rejects.add(row.line, row.problem);
        continue;
      }
      if (isBlank(row.text)) continue;
      const found = textOf(row.text, options.textField);
      if ("problem" in found) {
        rejects.add(row.line, found.problem);
        continue;
      }
      isEmpty = false;
      yield { text: found.text, id: `${file}:${row.line}` };
    }
  }
  if (isEmpty) rejects.failEmpty();
}

function isBlank(row: string): boolean {
  return row.length === 0 || (row.charCodeAt(0) <= 0x20 && row.trim() === "");
}

function textOf(row: string, field: string): { text: string } | { problem: string } {
  let record: unknown;
  try {
    record = JSON.parse(row);
  } catch (error) {
    return { problem: `expected JSON, found ${describeSyntaxError(row, messageOf(error))}` };
  }
  if (typeof record !== "object" || record === null || Array.isArray(record)) {
    return { problem: `expected an object, found ${kindOf(record)}` };
  }
  if (!Object.hasOwn(record, field)) {
    return { problem: `expected a field "${field}", found ${describeFields(record, field)}` };
  }
  const text = (record as Record<string, unknown>)[field];
  if (typeof text !== "string") {
    return { problem: `field "${field}": expected a string, found ${kindOf(text)}` };
  }
  if (!text.isWellFormed()) {
    return {
      problem: `field "${field}": expected well-formed Unicode, found a lone surrogate ` +
        `at character ${loneSurrogate(text) + 1}`,
    };
  }
  return { text };
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  if (Array.isArray(value)) return "an array";
  return typeof value === "object" ? "an object" : `a ${typeof value}`;
}

function describeFields(record: object, wanted: string): string {
  const names = Object.keys(record);
  if (names.length === 0) return "an object without fields";
  const more = names.length > namedFields ? ` and ${names.length - namedFields} more` : "";
  const listed = names.slice(0, namedFields).map((name) => JSON.stringify(name)).join(", ");
  return `${listed}${more}${didYouMean(wanted, names)}`;
}

/** The engine's message in our form: `"Bad escaped character" at column 11`. */
function describeSyntaxError(row: string, message: string): string {
  const placed = /^(.*?)(?: in JSON)? at position (\d+)/s.exec(message);
  if (placed) return `"${placed[1]}" at column ${Number(placed[2]) + 1}`;
  if (!isUnexpectedToken(row)) return `"${message}" at column ${row.length + 1}`;
  // V8 gives no position here. The shortest prefix with the same fault ends with the token at fault.
  let without = 0;
  let within = row.length;
  while (within - without > 1) {
    const middle = (within + without) >> 1;
    if (isUnexpectedToken(row.slice(0, middle))) within = middle;
    else without = middle;
  }
  return `unexpected ${JSON.stringify(row[within - 1])} at column ${within}`;
}

function isUnexpectedToken(text: string): boolean {
  try {
    JSON.parse(text);
    return false;
  } catch (error) {
    return messageOf(error).startsWith("Unexpected token");
  }
}

/** Position of the first surrogate without its other half. */
function loneSurrogate(text: string): number {
  const replaced = text.toWellFormed();
  let at = 0;
  while (text[at] === replaced[at]) at++;
  return at;
}
