/**
 * JSON files: an array of objects, objects on end, or, as C4 and Dolma name them, JSON lines.
 */
import { StageError } from "../../base/mod.ts";
import type { RecordOptions, RecordStream, SourceRecord } from "../document.ts";
import type { Input } from "../input.ts";
import { ByteSource } from "./bytes.ts";
import { recordReader } from "./documents.ts";
import { JsonValueScanner } from "./json_scanner.ts";
import { parseJson } from "./json_value.ts";
import { SegmentSource } from "./segments.ts";
import { JsonLines } from "./jsonl.ts";

/** Finds out which of the three a file is, and reads it accordingly. */
export const reader = recordReader("json", async (input, options) => {
  const layout = await layoutOf(input);
  return layout === "lines"
    ? new JsonLines(input, options)
    : new JsonValues(input, options, layout === "array");
});

/** By the first line: a whole value makes JSON lines, a bracket an array, anything else values on end. */
async function layoutOf(input: Input): Promise<"lines" | "array" | "values"> {
  let start = "";
  const decoder = new TextDecoder();
  for await (const chunk of new ByteSource(input).chunks()) {
    start = decoder.decode(chunk).trimStart();
    if (start !== "") break;
  }
  if (start.startsWith("[")) return "array";
  const end = start.indexOf("\n");
  const line = end < 0 ? start : start.slice(0, end);
  if ("value" in parseJson(line)) return "lines";
  const bytes = new TextEncoder().encode(line);
  const valueEnd = new JsonValueScanner(false, false).end(bytes, 0);
  // Whole values with more after them, or a value that goes on in the next line.
  const first = valueEnd < 0 ? undefined : new TextDecoder().decode(bytes.subarray(0, valueEnd));
  return first === undefined
    ? (end < 0 ? "lines" : "values")
    : "value" in parseJson(first)
    ? "values"
    : "lines";
}

class JsonValues implements RecordStream {
  readonly unit = "value";
  readonly field = "field";
  readonly bytesTotal: number;
  readonly #name: string;
  readonly #isArray: boolean;
  readonly #segments: SegmentSource;
  #start: { rows: number; offset: number };
  #ends: number[] = [];

  constructor(input: Input, { maxRowBytes, from }: RecordOptions, isArray: boolean) {
    this.bytesTotal = input.size;
    this.#name = input.name;
    this.#isArray = isArray;
    this.#start = from ?? { rows: 0, offset: 0 };
    const scanner = new JsonValueScanner(isArray, this.#start.rows > 0);
    this.#segments = new SegmentSource(input, scanner, maxRowBytes, this.#start.offset);
  }

  get bytesRead(): number {
    return this.#segments.bytesRead;
  }

  positionAfter(taken: number) {
    const { rows, offset } = this.#start;
    return { rows: rows + taken, offset: taken === 0 ? offset : this.#ends[taken - 1] };
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SourceRecord[]> {
    let row = this.#start.rows;
    for await (const segments of this.#segments.batches()) {
      const records: SourceRecord[] = [];
      this.#start = this.positionAfter(this.#ends.length);
      this.#ends = [];
      for (const segment of segments) {
        if (segment.isRest) {
          this.#checkRest(segment, row);
          continue;
        }
        row++;
        records.push(
          "problem" in segment
            ? { row, problem: segment.problem }
            : { row, ...parseJson(this.#valueOf(segment.text, row)) },
        );
        this.#ends.push(segment.end);
      }
      if (records.length > 0) yield records;
    }
  }

  /** A value without the comma or bracket before it. */
  #valueOf(text: string, row: number): string {
    const separator = this.#isArray ? row === 1 ? /^\s*\[\s*/ : /^\s*,\s*/ : /^\s*/;
    const found = separator.exec(text);
    if (found !== null) return text.slice(found[0].length);
    const expected = row === 1 ? '"["' : "a comma";
    this.#fail(`expected ${expected} before value ${row}, found ${quoted(text)}`);
  }

  #checkRest(rest: { text: string } | { problem: string }, rows: number): void {
    if ("problem" in rest) this.#fail(`after value ${rows}: ${rest.problem}`);
    const whole = this.#isArray ? rows === 0 ? /^\s*\[\s*\]\s*$/ : /^\s*\]\s*$/ : /^\s*$/;
    if (whole.test(rest.text)) return;
    const expected = this.#isArray ? 'the array\'s "]" and no more' : "the end of the file";
    const found = rest.text.trim() === "" ? "the end of the file" : quoted(rest.text);
    this.#fail(`expected ${expected} after value ${rows}, found ${found}`);
  }

  #fail(problem: string): never {
    throw new StageError(`Cannot read "${this.#name}": ${problem}`);
  }
}

function quoted(text: string): string {
  const start = text.trim();
  return JSON.stringify(start.length > 40 ? `${start.slice(0, 40)}…` : start);
}
