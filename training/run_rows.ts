/**
 * Rows that a run adds as it goes, in a file of JSON lines beside its checkpoints. A checkpoint says how much of the file counts: what
 * was written after it, and a line that a kill has cut, is taken off when a run goes on, which makes it again.
 */
import { createHash } from "node:crypto";
import { dirname } from "node:path";
import {
  canonicalJson,
  type Json,
  readIfThere,
  sha256,
  StageError,
  syncFile,
} from "../base/mod.ts";

/** How far a file goes, and the SHA-256 of that. */
export type RowsPlace = { readonly bytes: number; readonly sha256: string };

export class RunRows<Row extends Json = Json> {
  readonly #path: string;
  #bytes = 0;
  #hash = createHash("sha256");
  #isSynced = true;

  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Goes on from a place that a checkpoint names; from the beginning without one.
   * @returns the rows up to there
   * @throws StageError when the file has not what was there.
   */
  goOnFrom(place: RowsPlace | undefined): Row[] {
    const { bytes, sha256: digest } = place ?? { bytes: 0, sha256: sha256("") };
    const found = readIfThere(this.#path);
    const kept = (found ?? new Uint8Array()).subarray(0, bytes);
    if (kept.length !== bytes || sha256(kept) !== digest) {
      throw new StageError(
        `Cannot go on with the rows of "${this.#path}": expected the ${bytes} bytes that were written there, ` +
          `found ${kept.length === bytes ? "others" : kept.length}`,
      );
    }
    if (found !== undefined && found.length > bytes) Deno.truncateSync(this.#path, bytes);
    this.#bytes = bytes;
    this.#hash = createHash("sha256").update(kept);
    this.#isSynced = true;
    return rowsOf(kept);
  }

  add(row: Row): void {
    const line = new TextEncoder().encode(canonicalJson(row) + "\n");
    if (this.#bytes === 0) Deno.mkdirSync(dirname(this.#path), { recursive: true });
    Deno.writeFileSync(this.#path, line, { append: true });
    this.#bytes += line.length;
    this.#hash.update(line);
    this.#isSynced = false;
  }

  /** The end of the file, on the disk: for a checkpoint. */
  get place(): RowsPlace {
    if (!this.#isSynced) syncFile(this.#path);
    this.#isSynced = true;
    return { bytes: this.#bytes, sha256: this.#hash.copy().digest("hex") };
  }

  /** In order. */
  all(): Row[] {
    return rowsOf(readIfThere(this.#path) ?? new Uint8Array());
  }
}

function rowsOf<Row>(bytes: Uint8Array): Row[] {
  return new TextDecoder().decode(bytes).split("\n").slice(0, -1).map((line) => JSON.parse(line));
}
