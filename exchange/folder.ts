/**
 * A folder that all parties share, on one machine or on a file system of several.
 *
 * A file is written beside its name and reaches the disk before it gets the name. Where only the first may have the name, that is a
 * hard link: the system makes one link of any number of tries. On file systems of a network the reply to a try may be lost, and
 * the next try finds the name taken: by ourselves, if our file has two names.
 */
import { dirname, join } from "node:path";
import { formatBytes, syncFolder, systemError, writeFileSynced } from "../base/mod.ts";
import { type Entry, type NamedBytes, TooLargeError } from "./named_bytes.ts";

/** Names that begin with a dot are of files that are being written, and of folders that are being removed. */
const [beingWritten, beingRemoved] = [".tmp", ".gone"];

export class FolderBytes implements NamedBytes {
  readonly place: string;
  /** Looking into a folder takes less than a millisecond. */
  readonly pollMs = { least: 5, most: 250 };

  constructor(folder: string) {
    this.place = folder;
    Deno.mkdirSync(folder, { recursive: true });
  }

  // deno-lint-ignore require-await -- what is thrown must reject
  async read(name: string, maxBytes: number): Promise<Uint8Array<ArrayBuffer> | undefined> {
    const path = join(this.place, name);
    return ifThere(() => {
      const { size } = Deno.statSync(path);
      if (size <= maxBytes) return Deno.readFileSync(path);
      throw new TooLargeError(
        `Cannot read "${path}": expected at most ${formatBytes(maxBytes)}, found ${
          formatBytes(size)
        }`,
      );
    });
  }

  async create(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<boolean> {
    return await this.#write(name, bytes, (temporary, path) => {
      try {
        Deno.linkSync(temporary, path);
      } catch (error) {
        if (!(error instanceof Deno.errors.AlreadyExists)) throw error;
        if (Deno.statSync(temporary).nlink !== 2) return false; // else the reply to our own try was lost
      } finally {
        Deno.removeSync(temporary);
      }
      return true;
    });
  }

  async replace(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    await this.#write(name, bytes, Deno.renameSync);
  }

  // deno-lint-ignore require-await
  async find(name: string): Promise<Entry | undefined> {
    return this.#entry(dirname(name), name.slice(name.lastIndexOf("/") + 1));
  }

  // deno-lint-ignore require-await
  async list(folder: string): Promise<readonly Entry[]> {
    const names = ifThere(() => [...Deno.readDirSync(join(this.place, folder))]) ?? [];
    return names.map(({ name }) => name).filter((name) => !name.startsWith(".")).sort()
      .flatMap((name) => this.#entry(folder, name) ?? []);
  }

  /** What is removed loses its name first: nobody sees a part of it. */
  async remove(name: string): Promise<void> {
    const path = join(this.place, name);
    const folder = dirname(path);
    ifThere(() => Deno.renameSync(path, join(folder, `.${crypto.randomUUID()}${beingRemoved}`)));
    for (const entry of ifThere(() => [...Deno.readDirSync(folder)]) ?? []) {
      // Those too that another left when it was killed here.
      if (!entry.name.startsWith(".") || !entry.name.endsWith(beingRemoved)) continue;
      await Deno.remove(join(folder, entry.name), { recursive: true }).catch(ignoreAbsent);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {}

  #entry(folder: string, name: string): Entry | undefined {
    return ifThere(() => {
      const { isDirectory, size, ino, mtime } = Deno.statSync(join(this.place, folder, name));
      return isDirectory ? { name } : { name, bytes: size, tag: `${ino} ${mtime?.getTime()}` };
    });
  }

  /** Writes a file beside a name, and lets it have the name. */
  async #write<T>(
    name: string,
    bytes: Uint8Array,
    giveName: (temporary: string, path: string) => T,
  ): Promise<T> {
    const path = join(this.place, name);
    const folder = dirname(path);
    for (let tries = 1;; tries++) {
      const temporary = join(folder, `.${crypto.randomUUID()}${beingWritten}`);
      try {
        Deno.mkdirSync(folder, { recursive: true });
        writeFileSynced(temporary, bytes);
        const given = giveName(temporary, path);
        syncFolder(folder);
        return given;
      } catch (error) {
        await Deno.remove(temporary).catch(() => {}); // it may never have been made
        // Who removes the folder at this moment is done after a few tries.
        if (error instanceof Deno.errors.NotFound && tries < 5) continue;
        throw withPlace(error, path);
      }
    }
  }
}

/** What an operation gives; undefined where the file that it is about is not there. */
function ifThere<T>(operation: () => T): T | undefined {
  try {
    return operation();
  } catch (error) {
    ignoreAbsent(error);
    return undefined;
  }
}

function ignoreAbsent(error: unknown): void {
  if (!(error instanceof Deno.errors.NotFound)) throw error;
}

function withPlace(error: unknown, path: string): unknown {
  const { found } = systemError(error) ?? {};
  if (found === undefined) return error;
  return new Error(`Cannot write "${path}": expected a folder to share, found ${found}`, {
    cause: error,
  });
}
