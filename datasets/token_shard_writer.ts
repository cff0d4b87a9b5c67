/**
 * Writes token shards (`token_shards.ts`), holding one record batch in memory.
 */
import { Field, Float64, makeData, Schema, Uint16, Uint32 } from "apache-arrow";
import { join } from "node:path";
import { writeFileSynced } from "../base/mod.ts";
import { ArrowFileWriter, type ArrowPosition, float64Column } from "./arrow_file.ts";
import { batchTokens, isWide, type ShardsFile } from "./token_shards.ts";

export interface EncodedDocument {
  /** Without the end symbol. */
  readonly ids: ArrayLike<number>;
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
  readonly tokens: ArrowPosition;
  readonly pendingTokens: readonly number[];
  readonly written: number;
  readonly ends: ArrowPosition;
  readonly pendingEnds: readonly number[];
  readonly pendingBytes: readonly number[];
  readonly documents: number;
  readonly bytes: number;
}

/** Writes documents one by one. Batches depend on the tokens alone, so that going on from a state gives the same bytes. */
export class TokenShardWriter implements Disposable {
  readonly #folder: string;
  readonly #options: WriteTokenShardsOptions;
  readonly #tokens: TokenColumn;
  readonly #ends: EndColumns;
  #documents: number;
  #bytes: number;

  /** @param from goes on with the files of the folder from there */
  constructor(folder: string, options: WriteTokenShardsOptions, from?: TokenShardState) {
    this.#folder = folder;
    this.#options = options;
    this.#tokens = new TokenColumn(join(folder, "tokens.arrow"), options.vocabSize, from);
    this.#ends = new EndColumns(join(folder, "documents.arrow"), from);
    this.#documents = from?.documents ?? 0;
    this.#bytes = from?.bytes ?? 0;
  }

  get documents(): number {
    return this.#documents;
  }

  /** Appends a document and the end symbol. @throws RangeError for an id outside [0, vocabSize). */
  add({ ids, bytes }: EncodedDocument): void {
    const { endId, vocabSize } = this.#options;
    for (let i = 0; i < ids.length; i++) {
      if (!this.#tokens.push(ids[i])) {
        throw new RangeError(
          `Cannot write token ${i} of document ${this.#documents}: expected an id in [0, ${vocabSize}), found ${
            ids[i]
          }`,
        );
      }
    }
    if (!this.#tokens.push(endId)) {
      throw new RangeError(
        `Cannot write the end symbol: expected an id in [0, ${vocabSize}), found ${endId}`,
      );
    }
    this.#ends.push(this.#tokens.written, bytes);
    this.#documents++;
    this.#bytes += bytes;
  }

  /** Waits until all whole batches have reached the disk. */
  state(): TokenShardState {
    return {
      ...this.#tokens.state(),
      ...this.#ends.state(),
      documents: this.#documents,
      bytes: this.#bytes,
    };
  }

  /** Makes the files whole. */
  finish(): ShardsFile {
    this.#tokens.finish();
    this.#ends.finish();
    const shards: ShardsFile = {
      format: 1,
      vocabSize: this.#options.vocabSize,
      tokens: this.#tokens.written,
      documents: this.#documents,
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

/** The column `token`, written in batches of `batchTokens`. */
class TokenColumn implements Disposable {
  readonly #writer: ArrowFileWriter;
  readonly #vocabSize: number;
  readonly #batch: Uint16Array | Uint32Array;
  #length: number;
  written: number;

  constructor(path: string, vocabSize: number, from?: TokenShardState) {
    this.#vocabSize = vocabSize;
    this.#batch = new (isWide(vocabSize) ? Uint32Array : Uint16Array)(batchTokens);
    this.#batch.set(from?.pendingTokens ?? []);
    this.#length = from?.pendingTokens.length ?? 0;
    this.written = from?.written ?? 0;
    const type = isWide(vocabSize) ? new Uint32() : new Uint16();
    const schema = new Schema([new Field("token", type, false)]);
    this.#writer = new ArrowFileWriter(path, schema, from?.tokens);
  }

  state(): Pick<TokenShardState, "tokens" | "pendingTokens" | "written"> {
    const pendingTokens = [...this.#batch.subarray(0, this.#length)];
    return { tokens: this.#writer.position(), pendingTokens, written: this.written };
  }

  /** False when the id is out of range: nothing is appended then. */
  push(id: number): boolean {
    if (!(id >= 0 && id < this.#vocabSize && Number.isInteger(id))) return false;
    this.#batch[this.#length++] = id;
    this.written++;
    if (this.#length === batchTokens) this.#flush();
    return true;
  }

  finish(): void {
    if (this.#length > 0) this.#flush();
    this.#writer.finish();
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
  }

  #flush(): void {
    const data = this.#batch.subarray(0, this.#length);
    const common = { length: this.#length, nullCount: 0 };
    this.#writer.write([
      data instanceof Uint16Array
        ? makeData({ type: new Uint16(), data, ...common })
        : makeData({ type: new Uint32(), data, ...common }),
    ]);
    this.#length = 0;
  }
}

/** The columns `end` and `bytes`, a row per document. */
class EndColumns implements Disposable {
  readonly #writer: ArrowFileWriter;
  #ends: number[];
  #bytes: number[];

  constructor(path: string, from?: TokenShardState) {
    this.#ends = [...from?.pendingEnds ?? []];
    this.#bytes = [...from?.pendingBytes ?? []];
    const fields = ["end", "bytes"].map((name) => new Field(name, new Float64(), false));
    this.#writer = new ArrowFileWriter(path, new Schema(fields), from?.ends);
  }

  state(): Pick<TokenShardState, "ends" | "pendingEnds" | "pendingBytes"> {
    const ends = this.#writer.position();
    return { ends, pendingEnds: [...this.#ends], pendingBytes: [...this.#bytes] };
  }

  push(end: number, bytes: number): void {
    this.#ends.push(end);
    this.#bytes.push(bytes);
    if (this.#ends.length === batchTokens) this.#flush();
  }

  finish(): void {
    if (this.#ends.length > 0) this.#flush();
    this.#writer.finish();
  }

  [Symbol.dispose](): void {
    this.#writer[Symbol.dispose]();
  }

  #flush(): void {
    this.#writer.write([float64Column(this.#ends), float64Column(this.#bytes)]);
    this.#ends = [];
    this.#bytes = [];
  }
}
