/**
 * Records of comma or tab separated text: a scanner finds where each ends, `csv-parse` takes them apart.
 *
 * Source: RFC 4180 for quoting. Tab separated files, as GLUE has them, know no quotes.
 */
import { Buffer } from "node:buffer";
import { CsvError, type Options, parse } from "csv-parse/sync";
import { messageOf } from "../../base/mod.ts";
import type { SegmentScanner } from "./segments.ts";

export interface Delimiting {
  readonly delimiter: "," | "\t";
  /** Whether `"` encloses cells; else it is a character like others. */
  readonly quotes: boolean;
  /** Names of the columns, for files without a header. */
  readonly columns?: readonly string[];
}

export type Cells = { readonly cells: string[] } | { readonly problem: string };

const quote = 0x22;
const lineFeed = 0x0a;

/** A record ends at an LF outside of quotes: a doubled quote leaves and enters, so that counting them is enough. */
export class DelimitedScanner implements SegmentScanner {
  readonly #quotes: boolean;
  #isQuoted = false;

  constructor({ quotes }: Delimiting) {
    this.#quotes = quotes;
  }

  end(chunk: Uint8Array, at: number): number {
    if (!this.#quotes) return chunk.indexOf(lineFeed, at) + 1 || -1;
    for (let i = at; i < chunk.length; i++) {
      if (chunk[i] === quote) this.#isQuoted = !this.#isQuoted;
      else if (chunk[i] === lineFeed && !this.#isQuoted) return i + 1;
    }
    return -1;
  }
}

/** The cells of each record, or why it has none. All are parsed at once, and one by one where that fails. */
export function cellsOf(records: readonly string[], delimiting: Delimiting): Cells[] {
  const options = optionsOf(delimiting);
  try {
    const rows: string[][] = parse(records.join(""), options);
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
