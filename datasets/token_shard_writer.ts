/**
 * Writes token shards (`token_shards.ts`), holding one record batch in memory.
 */
import { Field, Float64, makeData, Schema, Uint16, Uint32 } from "apache-arrow";
import { join } from "node:path";
import { writeFileSynced } from "../pipeline/base/mod.ts";
import { ArrowFileWriter } from "./arrow_file.ts";
import { float64Column } from "./columns.ts";
import { batchTokens } from "./token_shards.ts";
import { isWide, type ShardsFile } from "./token_shards_format.ts";

export interface EncodedDocument {
  /** Without the end symbol. */
  readonly ids: ArrayLike<number>;
  /** UTF-8 bytes of the text. */
  readonly bytes: number;
}

export interface WriteTokenShardsOptions {
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
  { vocabSize, endId }: WriteTokenShardsOptions,
): Promise<ShardsFile> {
  using tokens = new TokenColumn(join(folder, "tokens.arrow"), vocabSize);
  using ends = new EndColumns(join(folder, "documents.arrow"));
  let count = 0, bytes = 0;
  for await (const document of documents) {
    const { ids } = document;
    for (let i = 0; i < ids.length; i++) {
      if (!tokens.push(ids[i])) {
        throw new RangeError(
          `Cannot write token ${i} of document ${count}: expected an id in [0, ${vocabSize}), found ${
            ids[i]
          }`,
        );
      }
    }
    if (!tokens.push(endId)) {
      throw new RangeError(
        `Cannot write the end symbol: expected an id in [0, ${vocabSize}), found ${endId}`,
      );
    }
    ends.push(tokens.written, document.bytes);
    count++;
    bytes += document.bytes;
  }
  tokens.finish();
  ends.finish();
  const shards: ShardsFile = {
    format: 1,
    vocabSize,
    tokens: tokens.written,
    documents: count,
    bytes,
  };
  writeFileSynced(join(folder, "shards.json"), JSON.stringify(shards, null, 2) + "\n");
  return shards;
}

/** The column `token`, written in batches of `batchTokens`. */
class TokenColumn implements Disposable {
  readonly #writer: ArrowFileWriter;
  readonly #vocabSize: number;
  readonly #batch: Uint16Array | Uint32Array;
  #length = 0;
  written = 0;

  constructor(path: string, vocabSize: number) {
    this.#vocabSize = vocabSize;
    this.#batch = new (isWide(vocabSize) ? Uint32Array : Uint16Array)(batchTokens);
    const type = isWide(vocabSize) ? new Uint32() : new Uint16();
    this.#writer = new ArrowFileWriter(path, new Schema([new Field("token", type, false)]));
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
  #ends: number[] = [];
  #bytes: number[] = [];

  constructor(path: string) {
    const fields = ["end", "bytes"].map((name) => new Field(name, new Float64(), false));
    this.#writer = new ArrowFileWriter(path, new Schema(fields));
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
