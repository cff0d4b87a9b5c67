/**
 * Records of comma or tab separated text.
 *
 * Source: RFC 4180 for quoting; tab separated files, as GLUE has them, know no quotes.
 */
import type { SegmentScanner } from "./segments.ts";

export interface Delimiting {
  readonly delimiter: "," | "\t" | ";";
  /** Whether `"` encloses cells; else it is a character like others. */
  readonly quotes: boolean;
}

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

/** The cells of a record (its LF or CRLF left out), or why it has none. */
export function cellsOf(
  record: string,
  { delimiter, quotes }: Delimiting,
): { cells: string[] } | { problem: string } {
  const text = record.replace(/\r?\n$/, "");
  if (!quotes || !text.includes('"')) return { cells: text.split(delimiter) };
  const cells: string[] = [];
  for (let at = 0;;) {
    if (text[at] === '"') {
      let cell = "";
      for (let start = at + 1;;) {
        const end = text.indexOf('"', start);
        if (end < 0) return problemAt(text, at, "a quote that ends the cell", "none");
        cell += text.slice(start, end);
        at = end + 1;
        if (text[at] !== '"') break;
        cell += '"';
        start = at + 1;
      }
      cells.push(cell);
      if (at < text.length && text[at] !== delimiter) {
        return problemAt(text, at, "a delimiter behind the quote", JSON.stringify(text[at]));
      }
    } else {
      const next = text.indexOf(delimiter, at);
      const cell = text.slice(at, next < 0 ? text.length : next);
      const inside = cell.indexOf('"');
      if (inside >= 0) {
        return problemAt(text, at + inside, "quotes around the whole cell", "one inside of it");
      }
      cells.push(cell);
      at += cell.length;
    }
    if (at >= text.length) return { cells };
    at++; // the delimiter
  }
}

function problemAt(text: string, at: number, expected: string, found: string) {
  const lines = text.slice(0, at).split("\n");
  const line = lines.length > 1 ? `line ${lines.length} of the record, ` : "";
  return {
    problem: `expected ${expected}, found ${found} at ${line}column ${lines.at(-1)!.length + 1}`,
  };
}
