/**
 * Reads token shards (`token_shards.ts`): any range of tokens, loading only the record batches it lies in.
 */
import { join } from "node:path";
import { StageError } from "../base/mod.ts";
import { ArrowFileReader } from "./arrow_file.ts";
import { readJsonFile } from "./json_file.ts";
import { batchTokens, isWide, type ShardsFile, type TokenShards } from "./token_shards.ts";

/** Batches kept in memory: 4 MB of 16-bit ids, so that a small source is read once. */
const cachedBatches = 32;

/**
 * Opens a folder that `writeTokenShards` made. `close` it after use.
 *
 * @throws StageError when its files are damaged or do not belong together.
 */
export function openTokenShards(folder: string): TokenShards {
  const counts = readTokenCounts(folder);
  return new OpenShards(folder, counts, readDocumentEnds(folder, counts));
}

/** What a shard set counts, read without its tokens. */
export function readTokenCounts(folder: string): ShardsFile {
  return readJsonFile<ShardsFile>(join(folder, "shards.json"), [
    "vocabSize",
    "tokens",
    "documents",
    "bytes",
  ]);
}

class OpenShards implements TokenShards {
  readonly vocabSize: number;
  readonly tokens: number;
  readonly documents: number;
  readonly bytes: number;
  readonly #file: ArrowFileReader;
  /** Least recently used first: a `Map` iterates in the order of insertion. */
  readonly #cache = new Map<number, Uint16Array | Uint32Array>();

  constructor(folder: string, counts: ShardsFile, readonly ends: Float64Array) {
    ({
      vocabSize: this.vocabSize,
      tokens: this.tokens,
      documents: this.documents,
      bytes: this.bytes,
    } = counts);
    this.#file = new ArrowFileReader(join(folder, "tokens.arrow"), {
      token: isWide(this.vocabSize) ? "Uint32" : "Uint16",
    });
    const expected = Math.ceil(this.tokens / batchTokens);
    if (this.#file.batches !== expected) {
      const found = this.#file.batches;
      this.close();
      throw new StageError(
        `Cannot read "tokens.arrow": expected ${expected} record batches of ${batchTokens} tokens, found ${found}`,
      );
    }
  }

  slice(start: number, length: number): Int32Array {
    if (
      !Number.isInteger(start) || !Number.isInteger(length) || start < 0 || length < 0 ||
      start + length > this.tokens
    ) {
      throw new RangeError(
        `Cannot read tokens: expected a range within [0, ${this.tokens}), found [${start}, ${
          start + length
        })`,
      );
    }
    const result = new Int32Array(length);
    for (let done = 0; done < length;) {
      const position = start + done;
      const batch = this.#batch(Math.floor(position / batchTokens));
      const offset = position % batchTokens;
      const part = batch.subarray(offset, offset + length - done);
      result.set(part, done);
      done += part.length;
    }
    return result;
  }

  close(): void {
    this.#cache.clear();
    this.#file[Symbol.dispose]();
  }

  #batch(index: number): Uint16Array | Uint32Array {
    const batch = this.#cache.get(index) ?? this.#load(index);
    this.#cache.delete(index);
    this.#cache.set(index, batch);
    if (this.#cache.size > cachedBatches) this.#cache.delete(this.#cache.keys().next().value!);
    return batch;
  }

  #load(index: number): Uint16Array | Uint32Array {
    const batch = this.#file.batch(index).token.toArray() as Uint16Array | Uint32Array;
    const expected = Math.min(batchTokens, this.tokens - index * batchTokens);
    if (batch.length !== expected) {
      throw new StageError(
        `Cannot read "tokens.arrow", record batch ${index}: expected ${expected} tokens, found ${batch.length}`,
      );
    }
    for (let i = 0; i < batch.length; i++) {
      if (batch[i] < this.vocabSize) continue;
      throw new StageError(
        `Cannot read "tokens.arrow", token ${index * batchTokens + i}: ` +
          `expected an id below ${this.vocabSize}, found ${batch[i]}`,
      );
    }
    return batch;
  }
}

/** The column `end` of `documents.arrow`, whole: 8 bytes a document. */
function readDocumentEnds(folder: string, counts: ShardsFile): Float64Array {
  const ends = new Float64Array(counts.documents);
  using file = new ArrowFileReader(join(folder, "documents.arrow"), {
    end: "Float64",
    bytes: "Float64",
  });
  const fail = (expected: string, found: string | number): never => {
    throw new StageError(
      `Cannot read "documents.arrow": expected ${expected}, found ${found}`,
    );
  };
  let row = 0;
  for (let index = 0; index < file.batches; index++) {
    const { end } = file.batch(index);
    if (row + end.length > counts.documents) fail(`${counts.documents} documents`, "more");
    ends.set(end.toArray(), row);
    row += end.length;
  }
  if (row !== counts.documents) fail(`${counts.documents} documents`, row);
  // Every document has at least its end symbol.
  const unordered = ends.findIndex((end, i) => !(end > (i === 0 ? 0 : ends[i - 1])));
  if (unordered >= 0) {
    fail("ends that ascend", `${ends[unordered]} at document ${unordered}`);
  }
  const last = row === 0 ? 0 : ends[row - 1];
  if (last !== counts.tokens) fail(`${counts.tokens} tokens`, last);
  return ends;
}
