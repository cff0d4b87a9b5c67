/**
 * One JSON value, or the place where the text stops being JSON.
 */
import { messageOf } from "../../base/mod.ts";
import { isRecord, kindOf } from "./fields.ts";
import { maxJsonDepth, parseExactly } from "./json_number.ts";

/** @returns the value, or a problem with its column (counted from 1) in `text` */
export function parseJson(text: string): { value: unknown } | { problem: string } {
  try {
    return { value: parseExactly(text) };
  } catch (error) {
    if (error instanceof RangeError) {
      return { problem: `expected values of at most ${maxJsonDepth} levels, found more` };
    }
    return { problem: `expected JSON, found ${describeSyntaxError(text, messageOf(error))}` };
  }
}

/** The same of a row, which must be an object. */
export function parseRow(text: string): { value: object } | { problem: string } {
  const found = parseJson(text);
  if ("problem" in found) return found;
  const { value } = found;
  return isRecord(value) ? { value } : { problem: `expected an object, found ${kindOf(value)}` };
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
