/**
 * What becomes of a row that is no document, the same in every reader.
 */
import { StageError } from "../../pipeline/base/mod.ts";
import type { ReaderOptions } from "../document.ts";

/** Bad rows of one file: the first one stops the reader, or all are reported and counted. */
export class Rejects {
  readonly #file: string;
  readonly #options: ReaderOptions;
  #rows = 0;

  /** @param file base name, for messages */
  constructor(file: string, options: ReaderOptions) {
    this.#file = file;
    this.#options = options;
  }

  /** @throws StageError unless bad rows are to be skipped. */
  add(line: number, problem: string): void {
    const place = `"${this.#file}", line ${line}`;
    // A field is part of the place, anything else follows it.
    const reason = problem.startsWith("field ") ? `${place}, ${problem}` : `${place}: ${problem}`;
    if (this.#options.badRows === "error") {
      throw new StageError(
        `Cannot read ${reason}; set documents.badRows to skip to go on without such rows`,
      );
    }
    this.#rows++;
    this.#options.onSkip?.(reason);
  }

  /** Called at the end of a file without documents. */
  failEmpty(): never {
    const skipped = this.#rows === 0 ? "" : ` (${this.#rows} rows were skipped)`;
    throw new StageError(
      `Cannot read "${this.#file}": expected at least one document, found none${skipped}`,
    );
  }
}
