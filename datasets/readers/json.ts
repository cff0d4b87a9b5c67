/**
 * JSON files: an array of objects, objects on end, or, as C4 and Dolma name them, JSON lines.
 */
import { StageError } from "../../base/mod.ts";
import type { RecordOptions, RecordStream, SourceRecord } from "../document.ts";
import type { Input } from "../input.ts";
import { bytesOf } from "./bytes.ts";
import { recordReader } from "./documents.ts";
import { jsonScanner } from "./json_scanner.ts";
import { parseJson, parseRow } from "./json_value.ts";
import { jsonLines } from "./jsonl.ts";
import { piecesOf } from "./pieces.ts";

/** Finds out which of the three a file is, and reads it accordingly. */
export const reader = recordReader("json", async (input, options) => {
  const layout = await layoutOf(input);
  return layout === "lines"
    ? jsonLines(input, options)
    : jsonValues(input, options, layout === "array");
});

/** By the first line: a whole value makes JSON lines, a bracket an array, anything else values on end. */
async function layoutOf(input: Input): Promise<"lines" | "array" | "values"> {
  let start = "";
  const decoder = new TextDecoder();
  for await (const chunk of bytesOf(input)) {
    start = decoder.decode(chunk).trimStart();
    if (start !== "") break;
  }
  if (start.startsWith("[")) return "array";
  const end = start.indexOf("\n");
  const line = end < 0 ? start : start.slice(0, end);
  if ("value" in parseJson(line)) return "lines";
  const bytes = new TextEncoder().encode(line);
  const [valueEnd] = jsonScanner(false, false)(bytes);
  // A value that goes on in the next line.
  if (valueEnd === undefined) return end < 0 ? "lines" : "values";
  // Whole values with more after them.
  const first = new TextDecoder().decode(bytes.subarray(0, valueEnd));
  return "value" in parseJson(first) ? "values" : "lines";
}

function jsonValues(
  input: Input,
  { maxRowBytes, from }: RecordOptions,
  isArray: boolean,
): RecordStream {
  return { unit: "value", field: "field", [Symbol.asyncIterator]: batches };

  async function* batches(): AsyncGenerator<SourceRecord[]> {
    let row = from?.rows ?? 0;
    const scan = jsonScanner(isArray, row > 0);
    for await (const pieces of piecesOf(input, scan, maxRowBytes, from?.offset)) {
      const records: SourceRecord[] = [];
      for (const piece of pieces) {
        if (piece.isRest) {
          checkRest(piece, row);
          continue;
        }
        const next = { rows: ++row, offset: piece.end };
        const found = "problem" in piece
          ? { problem: piece.problem }
          : parseRow(valueOf(piece.text, row));
        records.push({ row, next, ...found });
      }
      if (records.length > 0) yield records;
    }
  }

  /** A value without the comma or bracket before it. */
  function valueOf(text: string, row: number): string {
    const separator = isArray ? row === 1 ? /^\s*\[\s*/ : /^\s*,\s*/ : /^\s*/;
    const found = separator.exec(text);
    if (found !== null) return text.slice(found[0].length);
    const expected = row === 1 ? '"["' : "a comma";
    return fail(`expected ${expected} before value ${row}, found ${quoted(text)}`);
  }

  function checkRest(rest: { text: string } | { problem: string }, rows: number): void {
    if ("problem" in rest) return fail(`after value ${rows}: ${rest.problem}`);
    const whole = isArray ? rows === 0 ? /^\s*\[\s*\]\s*$/ : /^\s*\]\s*$/ : /^\s*$/;
    if (whole.test(rest.text)) return;
    const expected = isArray ? 'the array\'s "]" and no more' : "the end of the file";
    const found = rest.text.trim() === "" ? "the end of the file" : quoted(rest.text);
    fail(`expected ${expected} after value ${rows}, found ${found}`);
  }

  function fail(problem: string): never {
    throw new StageError(`Cannot read "${input.name}": ${problem}`);
  }
}

function quoted(text: string): string {
  const start = text.trim();
  return JSON.stringify(start.length > 40 ? `${start.slice(0, 40)}…` : start);
}
