/**
 * The part that record streams of columnar files share: a count of bytes, and positions that are rows.
 */
import type {
  ColumnDescription,
  ReadPosition,
  RecordOptions,
  RecordStream,
  SourceRecord,
} from "../document.ts";
import type { Input } from "../input.ts";

export abstract class ColumnarRecords implements RecordStream {
  readonly unit = "row";
  readonly field = "column";
  columns: readonly ColumnDescription[] | undefined;
  bytesRead = 0;
  readonly bytesTotal: number;
  protected readonly input: Input;
  protected readonly options: RecordOptions;
  /** The row before the first of the batch that was given last. */
  protected start: number;

  constructor(input: Input, options: RecordOptions) {
    this.input = countedInput(input, (bytes) => this.bytesRead += bytes);
    this.options = options;
    this.bytesTotal = input.size;
    this.start = options.from?.rows ?? 0;
  }

  positionAfter(taken: number): ReadPosition {
    return { rows: this.start + taken, offset: 0 };
  }

  abstract [Symbol.asyncIterator](): AsyncGenerator<SourceRecord[]>;
}

/** The same bytes as `input`, which stays the caller's to close. @param onRead is given the bytes of each random-access read. */
function countedInput(input: Input, onRead: (bytes: number) => void): Input {
  return {
    name: input.name,
    size: input.size,
    stream: (from) => input.stream(from),
    read: (offset, length) => {
      onRead(length);
      return input.read(offset, length);
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}
