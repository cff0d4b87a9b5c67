/**
 * Rows that are no documents: they stop the reader, or are counted. The same in every reader.
 */
import { StageError } from "../../base/mod.ts";
import type { ReaderOptions, RecordStream } from "../document.ts";

/** Bad rows of one file: the first one stops the reader, or all are reported and counted. */
export class Rejects {
  readonly #file: string;
  readonly #options: ReaderOptions;
  /** A stream knows what its rows are called once it has given some. */
  readonly #rowsOf: Pick<RecordStream, "unit">;
  #rows = 0;

  /** @param file base name, for messages */
  constructor(file: string, options: ReaderOptions, rowsOf: Pick<RecordStream, "unit">) {
    this.#file = file;
    this.#options = options;
    this.#rowsOf = rowsOf;
  }

  /** @throws StageError unless bad rows are to be skipped. */
  add(row: number, problem: string): void {
    const place = `"${this.#file}", ${this.#rowsOf.unit} ${row}`;
    // A field is part of the place, anything else follows it.
    const reason = /^(field|column) /.test(problem)
      ? `${place}, ${problem}`
      : `${place}: ${problem}`;
    if (this.#options.badRows === "error") {
      throw new StageError(
        `Cannot read ${reason}; set documents.badRows to skip to go on without such rows`,
      );
    }
    this.#rows++;
    this.#options.onSkip?.(reason);
  }

  /** Called at the end of a file without documents; a reader that started in the middle may find none. */
  failEmpty(): void {
    if (this.#options.from !== undefined && this.#options.from.rows > 0) return;
    const skipped = this.#rows === 0 ? "" : ` (${this.#rows} rows were skipped)`;
    throw new StageError(
      `Cannot read "${this.#file}": expected at least one document, found none${skipped}`,
    );
  }
}
