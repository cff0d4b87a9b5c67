/**
 * Writes token shards (`token_shards.ts`), holding one record batch in memory.
 */
import { Field, Float64, makeData, Schema, Uint16, Uint32 } from "apache-arrow";
import { join } from "node:path";
import { writeFileSynced } from "../base/mod.ts";
import { ArrowFileWriter, type ArrowPosition } from "./arrow_file.ts";
import { batchTokens, isWide, type ShardsFile } from "./token_shards.ts";

/** An array, or a typed one. */
type Numbers = ArrayLike<number> & { slice(from: number, to: number): ArrayLike<number> };

export interface EncodedDocument {
  /** Without the end symbol. */
  readonly ids: Numbers;
  /** UTF-8 bytes of the text. */
  readonly bytes: number;
}

interface WriteTokenShardsOptions {
  readonly vocabSize: number;
  /** The symbol that follows every document. */
  readonly endId: number;
}

/**
 * Writes documents, in their order, to a folder.
 *
 * @throws RangeError for an id outside [0, vocabSize).
 */
export async function writeTokenShards(
  folder: string,
  documents: AsyncIterable<EncodedDocument> | Iterable<EncodedDocument>,
  options: WriteTokenShardsOptions,
): Promise<ShardsFile> {
  using writer = new TokenShardWriter(folder, options);
  for await (const document of documents) writer.add(document);
  return writer.finish();
}

/** Where a writer stands between two documents: plain data for checkpoints, at most a batch of tokens and of documents. */
export interface TokenShardState {
  readonly tokens: ColumnsState;
  readonly ends: ColumnsState;
  readonly bytes: number;
}

interface ColumnsState {
  readonly file: ArrowPosition;
  readonly rows: number;
  /** Of each column the values after the last whole batch. */
  readonly pending: readonly (readonly number[])[];
}

/** Writes documents one by one. Batches depend on the tokens alone, so that going on from a state gives the same bytes. */
export class TokenShardWriter implements Disposable {
  readonly #folder: string;
  readonly #options: WriteTokenShardsOptions;
  readonly #tokens: Columns;
  readonly #ends: Columns;
  #bytes: number;

  /** @param from goes on with the files of the folder from there */
  constructor(folder: string, options: WriteTokenShardsOptions, from?: TokenShardState) {
    this.#folder = folder;
    this.#options = options;
    const token = isWide(options.vocabSize) ? new Uint32() : new Uint16();
    const [end, bytes] = [new Float64(), new Float64()];
    this.#tokens = new Columns(join(folder, "tokens.arrow"), { token }, from?.tokens);
    this.#ends = new Columns(join(folder, "documents.arrow"), { end, bytes }, from?.ends);
    this.#bytes = from?.bytes ?? 0;
  }

  get documents(): number {
    return this.#ends.rows;
  }

  /** Appends a document and the end symbol. @throws RangeError for an id outside [0, vocabSize). */
  add({ ids, bytes }: EncodedDocument): void {
    const { endId, vocabSize } = this.#options;
    const bad = firstBad(ids, vocabSize);
    if (bad < ids.length || endId >= vocabSize) {
      const [what, id] = bad < ids.length
        ? [`token ${bad} of document ${this.documents}`, ids[bad]]
        : ["the end symbol", endId];
      throw new RangeError(
        `Cannot write ${what}: expected an id in [0, ${vocabSize}), found ${id}`,
      );
    }
    this.#tokens.append(ids);
    this.#tokens.append([endId]);
    this.#ends.append([this.#tokens.rows], [bytes]);
    this.#bytes += bytes;
  }

  /** Waits until all whole batches have reached the disk. */
  state(): TokenShardState {
    return { tokens: this.#tokens.state(), ends: this.#ends.state(), bytes: this.#bytes };
  }

  /** Makes the files whole. */
  finish(): ShardsFile {
    this.#tokens.finish();
    this.#ends.finish();
    const shards: ShardsFile = {
      format: 1,
      vocabSize: this.#options.vocabSize,
      tokens: this.#tokens.rows,
      documents: this.documents,
      bytes: this.#bytes,
    };
    const text = JSON.stringify(shards, null, 2) + "\n";
    writeFileSynced(join(this.#folder, "shards.json"), text);
    return shards;
  }

  [Symbol.dispose](): void {
    this.#tokens[Symbol.dispose]();
    this.#ends[Symbol.dispose]();
  }
}

/** The place of the first number that is no id below `vocabSize`; the length if there is none. */
function firstBad(ids: ArrayLike<number>, vocabSize: number): number {
  // Of whole numbers one comparison does: what is negative becomes large.
  if (ids instanceof Uint16Array) {
    for (let i = 0; i < ids.length; i++) if (ids[i] >= vocabSize) return i;
    return ids.length;
  }
  if (ids instanceof Int32Array) {
    for (let i = 0; i < ids.length; i++) if (ids[i] >>> 0 >= vocabSize) return i;
    return ids.length;
  }
  for (let i = 0; i < ids.length; i++) {
    const id = ids[i];
    if (id >>> 0 !== id || id >= vocabSize) return i;
  }
  return ids.length;
}

/** A file of one or two columns of numbers without nulls, written in batches of `batchTokens` rows. */
class Columns implements Disposable {
  rows: number;
  readonly #writer: ArrowFileWriter;
  readonly #types: readonly (Uint16 | Uint32 | Float64)[];
  /** Of each column the values of the open batch. */
  readonly #values: readonly (Uint16Array | Uint32Array | Float64Array)[];
  #length: number;

  constructor(
    path: string,
    types: Readonly<Record<string, Uint16 | Uint32 | Float64>>,
    from?: ColumnsState,
  ) {
    this.#types = Object.values(types);
    this.#values = this.#types.map(({ ArrayType }) => new ArrayType(batchTokens));
    this.#values.forEach((values, i) => values.set(from?.pending[i] ?? []));
    this.#length = from?.pending[0].length ?? 0;
    this.rows = from?.rows ?? 0;
    const fields = Object.entries(types).map(([name, type]) => new Field(name, type, false));
    this.#writer = new ArrowFileWriter(path, new Schema(fields), from?.file);
  }

  state(): ColumnsState {
    const pending = this.#values.map((values) => [...values.subarray(0, this.#length)]);
    return { file: this.#writer.position(), rows: this.rows, pending };
  }

  /** Appends rows: the values of each column, as many of each. */
  append(...columns: readonly Numbers[]): void {
    const rows = columns[0].length;
    for (let from = 0; from < rows;) {
      const count = Math.min(rows - from, batchTokens - this.#length);
      columns.forEach((column, i) => {
        const part = count < rows ? column.slice(from, from + count) : column;
        this.#values[i].set(part, this.#length);
      });
      from += count;
      this.#length += count;
      this.rows += count;
      if (this.#length === batchTokens) this.#flush();
    }
  }

  finish(): void {
    if (this.#length > 0) this.#flush();
    this.#writer.finish();
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
  }

  #flush(): void {
    const length = this.#length;
    this.#writer.write(this.#types.map((type, i) => {
      const data = this.#values[i].subarray(0, length);
      return makeData({ type, length, nullCount: 0, data } as Parameters<typeof makeData>[0]);
    }));
    this.#length = 0;
  }
}
