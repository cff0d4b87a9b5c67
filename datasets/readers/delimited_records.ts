/**
 * Comma and tab separated files as records. A header names the columns, unless the reader does.
 */
import { StageError } from "../../base/mod.ts";
import type {
  ColumnDescription,
  ReadPosition,
  RecordOptions,
  RecordStream,
  SourceRecord,
} from "../document.ts";
import type { Input } from "../input.ts";
import { type Cells, cellsOf, DelimitedScanner, type Delimiting } from "./delimited.ts";
import { type Segment, SegmentSource } from "./segments.ts";

export class DelimitedRecords implements RecordStream {
  readonly unit = "line";
  readonly field = "column";
  columns: readonly ColumnDescription[] = [];
  readonly bytesTotal: number;
  readonly #input: Input;
  readonly #options: RecordOptions;
  readonly #delimiting: Delimiting;
  readonly #segments: SegmentSource;
  #start: ReadPosition;
  #ends: ReadPosition[] = [];

  constructor(input: Input, options: RecordOptions, delimiting: Delimiting) {
    this.bytesTotal = input.size;
    this.#input = input;
    this.#options = options;
    this.#delimiting = delimiting;
    this.#start = options.from ?? { rows: 0, offset: 0 };
    this.#segments = this.#open(this.#start.offset);
  }

  get bytesRead(): number {
    return this.#segments.bytesRead;
  }

  positionAfter(taken: number): ReadPosition {
    return taken === 0 ? this.#start : this.#ends[taken - 1];
  }

  async *[Symbol.asyncIterator](): AsyncGenerator<SourceRecord[]> {
    const { columns } = this.#delimiting;
    // A reader that starts in the middle reads the header first.
    let names = columns ?? (this.#start.rows === 0 ? undefined : await this.#header());
    let lines = this.#start.rows;
    for await (const segments of this.#segments.batches()) {
      const records: SourceRecord[] = [];
      this.#start = this.positionAfter(this.#ends.length);
      this.#ends = [];
      const cells = this.#cellsOf(segments);
      for (const [i, segment] of segments.entries()) {
        const row = lines + 1;
        lines += "text" in segment ? linesOf(segment.text) : 1;
        if (segment.isRest && "text" in segment && segment.text === "") continue;
        if (names === undefined) {
          names = this.#headerOf(cells[i]);
          this.#start = { rows: lines, offset: segment.end };
          continue;
        }
        if ("text" in segment && segment.text.trim() === "" && names.length > 1) continue;
        records.push({ row, ...this.#recordOf(cells[i], names) });
        this.#ends.push({ rows: lines, offset: segment.end });
      }
      if (records.length > 0) yield records;
    }
  }

  #open(from: number): SegmentSource {
    const scanner = new DelimitedScanner(this.#delimiting);
    return new SegmentSource(this.#input, scanner, this.#options.maxRowBytes, from);
  }

  /** The cells of each segment, in their order. */
  #cellsOf(segments: readonly Segment[]): Cells[] {
    const texts = segments.flatMap((segment) => "text" in segment ? [segment.text] : []);
    const cells = cellsOf(texts.filter((text) => text !== ""), this.#delimiting).values();
    return segments.map((segment): Cells => {
      if ("problem" in segment) return segment;
      return segment.text === "" ? { cells: [""] } : cells.next().value!;
    });
  }

  async #header(): Promise<readonly string[]> {
    for await (const segments of this.#open(0).batches()) {
      return this.#headerOf(this.#cellsOf(segments.slice(0, 1))[0]);
    }
    return [];
  }

  #headerOf(found: Cells): string[] {
    if ("problem" in found) return this.#fail(`line 1: ${found.problem}`);
    const { cells } = found;
    const repeated = cells.find((name, i) => cells.indexOf(name) !== i);
    if (repeated !== undefined) {
      this.#fail(`line 1: expected names that differ, found ${JSON.stringify(repeated)} twice`);
    }
    this.columns = cells.map((name) => ({ name, type: "string" }));
    return cells;
  }

  #recordOf(found: Cells, names: readonly string[]): { value: unknown } | { problem: string } {
    if ("problem" in found) return found;
    const { cells } = found;
    if (cells.length === names.length) {
      return { value: Object.fromEntries(cells.map((cell, i) => [names[i], cell])) };
    }
    const where = this.#delimiting.columns === undefined ? " as in the header" : "";
    return { problem: `expected ${names.length} cells${where}, found ${cells.length}` };
  }

  #fail(problem: string): never {
    throw new StageError(`Cannot read "${this.#input.name}", ${problem}`);
  }
}

/** Lines that a record takes. */
function linesOf(text: string): number {
  let lines = text.endsWith("\n") ? 0 : 1;
  for (let at = text.indexOf("\n"); at >= 0; at = text.indexOf("\n", at + 1)) lines++;
  return lines;
}
