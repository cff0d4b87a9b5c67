/**
 * The tensors that a run has beside those in memory, in files that are named after their content: results of a round, tables of
 * sources that do not train, the best round so far. Checkpoints name files here, and what none of them names is removed.
 */
import { join } from "node:path";
import {
  digestIfThere,
  sha256OfFile,
  StageError,
  syncFile,
  syncFolder,
  writeParts,
} from "../base/mod.ts";
import { type Group, isStored, type StoredTensors, type Tensors } from "./checkpoint.ts";
import { lengthBytes, safetensorsParts } from "./safetensors.ts";
import { openTensors, storedTensors } from "./stored_tensors.ts";

const suffix = ".safetensors";

export class TensorFiles {
  readonly folder: string;
  /** Those that were written, or read, in this process: the same object is not written twice. */
  readonly #known = new WeakMap<Tensors, StoredTensors>();
  /** Digests of the files that are here, and whether they are sure to have reached the disk. */
  readonly #isSynced = new Map<string, boolean>();

  constructor(folder: string) {
    this.folder = folder;
    Deno.mkdirSync(folder, { recursive: true });
  }

  /** Writes tensors, which the caller must not change afterwards. `sync` says when they are on the disk. */
  put(group: Group): StoredTensors {
    if (isStored(group)) return this.#link(group);
    const known = this.#known.get(group);
    if (known !== undefined && this.#isSynced.has(known.digest)) return known;
    const temporary = this.newPath();
    const parts = safetensorsParts(group);
    const digest = writeParts(temporary, parts);
    const path = this.#pathOf(digest);
    Deno.renameSync(temporary, path);
    this.#isSynced.set(digest, false);
    const bytes = parts.reduce((sum, { length }) => sum + length, 0);
    const stored = storedTensors(path, digest, parts[0].subarray(lengthBytes), bytes);
    this.#known.set(group, stored);
    return stored;
  }

  /** The tensors of a digest. @throws StageError when their file is gone or has other bytes. */
  open(digest: string): StoredTensors {
    const path = this.#pathOf(digest);
    const found = digestIfThere(path);
    if (found !== digest) {
      throw new StageError(
        `expected tensors in file "${digest}${suffix}", found ${found ? "other bytes" : "none"}`,
      );
    }
    this.#isSynced.set(digest, this.#isSynced.get(digest) ?? true);
    return openTensors(path, digest);
  }

  /** The same in memory. */
  load(digest: string): Tensors {
    const stored = this.open(digest);
    const tensors = stored.read();
    this.#known.set(tensors, stored);
    return tensors;
  }

  /** A path for a file that `take` is given later. */
  newPath(): string {
    return join(this.folder, `${crypto.randomUUID()}.tmp`);
  }

  /** Takes a file of tensors, which is moved here. @throws StageError for what is no such file. */
  take(file: string): StoredTensors {
    const digest = sha256OfFile(file);
    openTensors(file, digest);
    Deno.renameSync(file, this.#pathOf(digest));
    this.#isSynced.set(digest, false);
    return openTensors(this.#pathOf(digest), digest);
  }

  /** The same tensors here, if they are in a file elsewhere, which may go then. */
  #link(stored: StoredTensors): StoredTensors {
    const path = this.#pathOf(stored.digest);
    if (stored.path === path) return stored;
    try {
      Deno.linkSync(stored.path, path);
    } catch { // it is here, or on a file system of another kind
      const temporary = this.newPath();
      Deno.copyFileSync(stored.path, temporary);
      Deno.renameSync(temporary, path);
    }
    this.#isSynced.set(stored.digest, false);
    return openTensors(path, stored.digest);
  }

  /** Waits until all that was put here is on the disk. */
  sync(): void {
    const waiting = [...this.#isSynced].filter(([, isSynced]) => !isSynced);
    for (const [digest] of waiting) {
      syncFile(this.#pathOf(digest));
      this.#isSynced.set(digest, true);
    }
    if (waiting.length > 0) syncFolder(this.folder);
  }

  /** Removes the files of all other digests, and what a killed writer has left. */
  keepOnly(digests: ReadonlySet<string>): void {
    for (const { name } of [...Deno.readDirSync(this.folder)]) {
      const digest = name.slice(0, -suffix.length);
      if (!name.endsWith(".tmp") && (!name.endsWith(suffix) || digests.has(digest))) continue;
      Deno.removeSync(join(this.folder, name));
      this.#isSynced.delete(digest);
    }
  }

  remove(digest: string): void {
    Deno.removeSync(this.#pathOf(digest));
    this.#isSynced.delete(digest);
  }

  #pathOf(digest: string): string {
    return join(this.folder, digest + suffix);
  }
}
