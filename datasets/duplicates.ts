/**
 * Which documents were there before, exactly or nearly: an index on disk, so that a source of any size needs little memory.
 */
import { DatabaseSync, type StatementSync } from "node:sqlite";
import type { Seed } from "../base/mod.ts";
import type { Document } from "./document.ts";
import { bandRows, MinHash, type MinHashOptions, similarity } from "./minhash.ts";

export interface DuplicateOptions {
  /** Drop a text that is equal to an earlier one. */
  readonly exact: boolean;
  /** Drop a text that is nearly equal to an earlier one; null keeps it. */
  readonly near: MinHashOptions | null;
}

/** An earlier document that a text repeats. */
interface Duplicate {
  readonly kind: "exact" | "near";
  /** Id of the earlier document. */
  readonly of: string;
}

/** Candidates looked at for one band: kept documents are no near duplicates of one another, so there are few. */
const maxCandidates = 64;

/** Documents that were kept, by number: 0, 1, 2, … */
export class DuplicateIndex implements Disposable {
  readonly #options: DuplicateOptions;
  readonly #database: DatabaseSync;
  readonly #minHash: MinHash | undefined;
  readonly #rows: number;
  readonly #statements: Readonly<
    Record<"add" | "exact" | "addBand" | "band" | "get", StatementSync>
  >;

  /**
   * @param path a file that outlives a kill
   * @param kept documents to start from: what a killed process added after them is dropped
   */
  constructor(path: string, options: DuplicateOptions, seed: Seed, kept: number) {
    this.#options = options;
    this.#minHash = options.near === null ? undefined : new MinHash(options.near, seed);
    this.#rows = options.near === null ? 0 : bandRows(options.near);
    const database = this.#database = new DatabaseSync(path);
    database.exec(`
      PRAGMA journal_mode = WAL;
      PRAGMA synchronous = NORMAL;
      CREATE TABLE IF NOT EXISTS kept (number INTEGER PRIMARY KEY, id TEXT, digest BLOB, signature BLOB);
      CREATE INDEX IF NOT EXISTS digests ON kept (digest);
      CREATE TABLE IF NOT EXISTS bands (band BLOB, number INTEGER, PRIMARY KEY (band, number)) WITHOUT ROWID;
      DELETE FROM kept WHERE number >= ${kept};
      DELETE FROM bands WHERE number >= ${kept};
      BEGIN;
    `);
    this.#statements = {
      add: database.prepare("INSERT INTO kept VALUES (?, ?, ?, ?)"),
      exact: database.prepare("SELECT id FROM kept WHERE digest = ? ORDER BY number LIMIT 1"),
      addBand: database.prepare("INSERT OR IGNORE INTO bands VALUES (?, ?)"),
      band: database.prepare(
        `SELECT number FROM bands WHERE band = ? ORDER BY number LIMIT ${maxCandidates}`,
      ),
      get: database.prepare("SELECT id, signature FROM kept WHERE number = ?"),
    };
  }

  /**
   * The earlier document whose text this one repeats; else adds it as document `number`.
   * @param digest SHA-256 of the text
   */
  findOrAdd(number: number, document: Document, digest: Uint8Array): Duplicate | undefined {
    const { id } = document;
    const key = digest.subarray(0, 16);
    if (this.#options.exact) {
      const found = this.#statements.exact.get(key) as { id: string } | undefined;
      if (found !== undefined) return { kind: "exact", of: found.id };
    }
    const signature = this.#minHash?.signature(document.text);
    const bands = signature === undefined ? [] : this.#bandsOf(signature);
    if (signature !== undefined) {
      const near = this.#near(signature, bands);
      if (near !== undefined) return { kind: "near", of: near };
    }
    const bytes = signature === undefined ? null : new Uint8Array(signature.buffer);
    this.#statements.add.run(number, id, key, bytes);
    for (const band of bands) this.#statements.addBand.run(band, number);
    return undefined;
  }

  /** Puts what was added so far on disk, where a kill does not harm it. */
  commit(): void {
    this.#database.exec("COMMIT; BEGIN");
  }

  [Symbol.dispose](): void {
    this.#database.close();
  }

  #near(signature: Uint32Array, bands: readonly Uint8Array[]): string | undefined {
    const candidates = new Set<number>();
    for (const band of bands) {
      for (const { number } of this.#statements.band.all(band)) candidates.add(number as number);
    }
    for (const number of [...candidates].sort((a, b) => a - b)) {
      const found = this.#statements.get.get(number) as { id: string; signature: Uint8Array };
      const bytes = found.signature.slice();
      const other = new Uint32Array(bytes.buffer, 0, bytes.length / 4);
      if (similarity(signature, other) >= this.#options.near!.threshold) return found.id;
    }
    return undefined;
  }

  /** A key for each band: its number and its places. */
  #bandsOf(signature: Uint32Array<ArrayBuffer>): Uint8Array[] {
    const bands: Uint8Array[] = [];
    for (let start = 0; start + this.#rows <= signature.length; start += this.#rows) {
      const key = new Uint8Array(4 + 4 * this.#rows);
      new DataView(key.buffer).setUint32(0, start);
      key.set(new Uint8Array(signature.buffer, 4 * start, 4 * this.#rows), 4);
      bands.push(key);
    }
    return bands;
  }
}
