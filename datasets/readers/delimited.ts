/**
 * Comma and tab separated files: a scanner finds where each record ends, `csv-parse` takes them apart. A header names the
 * columns, unless the reader does.
 *
 * Source: RFC 4180 for quoting. Tab separated files, as GLUE has them, know no quotes.
 */
import { Buffer } from "node:buffer";
import { CsvError, type Options, parse } from "csv-parse/sync";
import { messageOf, StageError } from "../../base/mod.ts";
import type {
  DocumentReader,
  ReadPosition,
  RecordOptions,
  RecordStream,
  SourceRecord,
} from "../document.ts";
import type { Input } from "../input.ts";
import { recordReader, repeatedName, uniqueNames } from "./documents.ts";
import { checkLineEnds, lines, type Piece, type PieceScanner, piecesOf } from "./pieces.ts";

export interface Delimiting {
  readonly delimiter: string;
  /** Whether `"` encloses cells; else it is a character like others. */
  readonly quotes: boolean;
  /** Names of the columns, for files without a header. */
  readonly columns?: readonly string[];
}

type Cells = { readonly cells: string[] } | { readonly problem: string };

const quote = 0x22;
const lineFeed = 0x0a;

/** A `DocumentReader` of files that are delimited in one way. */
export function delimitedReader(format: string, delimiting: Delimiting): DocumentReader {
  return recordReader(format, (input, options) => delimitedRecords(input, options, delimiting));
}

async function delimitedRecords(
  input: Input,
  { maxRowBytes, from, columns: wanted }: RecordOptions,
  delimiting: Delimiting,
): Promise<RecordStream> {
  const piecesAfter = (offset?: number) =>
    piecesOf(input, delimiting.quotes ? quotedScanner() : lines, maxRowBytes, offset);
  const header = delimiting.columns === undefined
    ? await headerOf(input.name, piecesAfter(), delimiting, wanted)
    : { names: delimiting.columns, next: { rows: 0, offset: 0 } };
  const { names } = header;
  const columns = names.map((name) => ({ name, type: "string" }));
  return { unit: "line", field: "column", columns, [Symbol.asyncIterator]: batches };

  async function* batches(): AsyncGenerator<SourceRecord[]> {
    let next = from !== undefined && from.rows > 0 ? from : header.next;
    for await (const pieces of piecesAfter(next.offset)) {
      const records: SourceRecord[] = [];
      const cells = cellsOf(pieces, delimiting);
      for (const [i, piece] of pieces.entries()) {
        const row = next.rows + 1;
        next = after(next, piece);
        const text = "text" in piece ? piece.text : undefined;
        if (text === "" && piece.isRest || text?.trim() === "" && names.length > 1) continue;
        records.push({ row, next, ...recordOf(cells[i], names, delimiting) });
      }
      if (records.length > 0) yield records;
    }
  }
}

/** A record ends at an LF outside of quotes: a doubled quote leaves and enters, so that counting them is enough. */
function quotedScanner(): PieceScanner {
  let isQuoted = false;
  return (chunk) => {
    const ends: number[] = [];
    for (let i = 0; i < chunk.length; i++) {
      if (chunk[i] === quote) isQuoted = !isQuoted;
      else if (chunk[i] === lineFeed && !isQuoted) ends.push(i + 1);
    }
    return ends;
  };
}

/** The names in the first record, and the place after it. */
async function headerOf(
  file: string,
  pieces: AsyncIterable<Piece[]>,
  delimiting: Delimiting,
  wanted: readonly string[] | undefined,
): Promise<{ names: readonly string[]; next: ReadPosition }> {
  const next = { rows: 0, offset: 0 };
  for await (const [piece] of pieces) {
    if ("text" in piece && piece.text === "" && piece.isRest) break;
    if (piece.isRest) checkLineEnds(file, piece);
    const [found] = cellsOf([piece], delimiting);
    const names = "cells" in found ? found.cells : [];
    const repeated = wanted && repeatedName(names, wanted);
    const problem = "problem" in found
      ? found.problem
      : `expected names that differ, found ${JSON.stringify(repeated)} twice`;
    if ("cells" in found && repeated === undefined) {
      return { names: uniqueNames(names), next: after(next, piece) };
    }
    throw new StageError(`Cannot read "${file}", line 1: ${problem}`);
  }
  return { names: [], next };
}

/** The place after a piece. */
function after({ rows }: ReadPosition, piece: Piece): ReadPosition {
  // A record may take several lines; of one that cannot be read nobody knows.
  const breaks = "text" in piece ? piece.text.replace(/\n$/, "").split("\n").length : 1;
  return { rows: rows + breaks, offset: piece.end };
}

function recordOf(
  found: Cells,
  names: readonly string[],
  { columns }: Delimiting,
): { value: object } | { problem: string } {
  if ("problem" in found) return found;
  const { cells } = found;
  if (cells.length === names.length) {
    return { value: Object.fromEntries(cells.map((cell, i) => [names[i], cell])) };
  }
  const where = columns === undefined ? " as in the header" : "";
  return { problem: `expected ${names.length} cells${where}, found ${cells.length}` };
}

/** The cells of each piece, or why it has none. All are parsed at once, and one by one where that fails. */
function cellsOf(pieces: readonly Piece[], delimiting: Delimiting): Cells[] {
  const options = optionsOf(delimiting);
  const texts = pieces.flatMap((piece) => "text" in piece && piece.text !== "" ? [piece.text] : []);
  const cells = parsed(texts, options).values();
  return pieces.map((piece): Cells => {
    if ("problem" in piece) return piece;
    return piece.text === "" ? { cells: [""] } : cells.next().value!;
  });
}

function parsed(records: readonly string[], options: Options): Cells[] {
  try {
    const text = records.map((record) => record.endsWith("\n") ? record : `${record}\n`).join("");
    const rows: string[][] = parse(text, options);
    if (rows.length === records.length) return rows.map((cells) => ({ cells }));
  } catch (error) {
    if (!(error instanceof CsvError)) throw error;
  }
  return records.map((record) => oneRecord(record, options));
}

function optionsOf({ delimiter, quotes }: Delimiting): Options {
  return {
    delimiter,
    quote: quotes ? '"' : null,
    record_delimiter: ["\n", "\r\n"],
    relax_column_count: true,
  };
}

function oneRecord(record: string, options: Options): Cells {
  let problem: string | undefined;
  parse(record, {
    ...options,
    raw: true, // so that the place of an error is known
    skip_records_with_error: true,
    on_skip(error, read = "") {
      problem ??= problemOf(record, error, read);
      return undefined;
    },
  });
  return problem === undefined ? { cells: parse(record, options)[0] } : { problem };
}

/** @param read the record up to the quote that is wrong */
function problemOf(record: string, error: CsvError | undefined, read: string): string {
  switch (error?.code) {
    case "INVALID_OPENING_QUOTE":
      return problemAt(read, "quotes around the whole cell", "one inside of it");
    case "CSV_INVALID_CLOSING_QUOTE": {
      const next = record.slice(read.length, read.length + 1);
      return problemAt(read + next, "a delimiter after the quote", JSON.stringify(next));
    }
    case "CSV_QUOTE_NOT_CLOSED": {
      const before = error.column === 0 ? 0 : Number(error.bytes) + 1; // cells and the delimiter
      const cells = Buffer.from(record).subarray(0, before).toString();
      return problemAt(`${cells}"`, "a quote that ends the cell", "none");
    }
    default:
      return `expected cells, found ${messageOf(error)}`;
  }
}

/** @param read the record up to the character at fault */
function problemAt(read: string, expected: string, found: string): string {
  const lines = read.split("\n");
  const line = lines.length > 1 ? `line ${lines.length} of the record, ` : "";
  return `expected ${expected}, found ${found} at ${line}column ${lines.at(-1)!.length}`;
}
