/**
 * Content digests of files, read again only when the file may have changed.
 *
 * A file is taken as unchanged while its stat record (device, inode, size, mtime, ctime) is what it was when its content
 * was digested. Deno reports ctime in whole seconds, so a record younger than two seconds when it was taken proves
 * nothing: such a file is read again the next time.
 */
import { sha256, sha256OfFile, writeFileAtomic } from "../base/mod.ts";

/** A record younger than this when taken may hide a second write within one tick of the file system's clock. */
const settledAfterMs = 2000;

interface FileEntry {
  /** Device, inode, size, mtime and ctime, as one text. */
  readonly stat: string;
  readonly digest: string;
  /** Whether the file was old enough, when digested, for the stat record to be trusted. */
  readonly settled: boolean;
}

/** What a file held at a moment. */
export interface FileState {
  readonly digest: string;
  /** Its stat record: see `statRecord`. */
  readonly stat: string;
}

/** Digests of files by absolute path, kept between processes in a file of the store. */
export class FileDigests {
  readonly #cache: CacheFile<FileEntry>;
  /** What this process has looked at: a run sees one state of each file. */
  readonly #seen = new Map<string, string>();

  readonly #trustsStats: boolean;
  readonly #onRead: (path: string) => void;

  /**
   * @param cachePath Where entries outlive the process; undefined keeps them in memory only.
   * @param trustsStats false reads every file again, whatever the records say.
   * @param onRead Called before a file is read: a large one takes a while.
   */
  constructor(
    cachePath: string | undefined,
    trustsStats = true,
    onRead: (path: string) => void = () => {},
  ) {
    this.#cache = new CacheFile(cachePath);
    this.#trustsStats = trustsStats;
    this.#onRead = onRead;
  }

  /** SHA-256 of a file's content. @throws Deno.errors.NotFound and others as reading does. */
  digest(path: string): string {
    const digest = this.#seen.get(path) ?? this.now(path).digest;
    this.#seen.set(path, digest);
    return digest;
  }

  /** What a file holds now, whatever was seen of it. @throws as `digest`. */
  now(path: string): FileState {
    const info = Deno.statSync(path);
    if (info.isDirectory) throw new Deno.errors.IsADirectory(path);
    if (!info.isFile) throw new TypeError("a pipe or device");
    const stat = statRecord(info);
    const entry = this.#cache.get(path);
    const isKnown = this.#trustsStats && entry?.settled === true && entry.stat === stat;
    return { stat, digest: isKnown ? entry.digest : this.#read(path, info, stat) };
  }

  /** Writes what was learned. */
  save(): void {
    this.#cache.save();
  }

  #read(path: string, info: Deno.FileInfo, stat: string): string {
    const settled = isSettled(info, Date.now());
    this.#onRead(path);
    const digest = sha256OfFile(path);
    // A write between the stat and the end of reading leaves the digest of neither state under a trusted record.
    const unchanged = statRecord(Deno.statSync(path)) === stat;
    this.#cache.set(path, { stat, digest, settled: settled && unchanged });
    return digest;
  }
}

/** Whether a file was, at a time, old enough for its stat record to prove something. */
export function isSettled(info: Deno.FileInfo, now: number): boolean {
  const changed = Math.max(info.mtime?.getTime() ?? Infinity, info.ctime?.getTime() ?? Infinity);
  return now - changed > settledAfterMs;
}

/** How long it takes until the stat record of a file proves something; 0 if it does, or if there is no file. */
export function unsettledMs(path: string): number {
  try {
    const { ctime } = Deno.statSync(path);
    return Math.max(0, (ctime?.getTime() ?? 0) + settledAfterMs + 1 - Date.now());
  } catch {
    return 0;
  }
}

/** Device, inode, size, mtime and ctime, as one text: while it stays, the content is taken to. */
export function statRecord(info: Deno.FileInfo): string {
  return [info.dev, info.ino, info.size, info.mtime?.getTime(), info.ctime?.getTime()].join(" ");
}

/**
 * A map in a file that may be lost: a damaged, foreign or absent file reads as empty.
 * The first line is the digest of the rest.
 */
export class CacheFile<Entry> {
  readonly #path: string | undefined;
  readonly #entries: Map<string, Entry>;
  #changed = false;

  constructor(path: string | undefined) {
    this.#path = path;
    this.#entries = path === undefined ? new Map() : readEntries(path);
  }

  get(key: string): Entry | undefined {
    return this.#entries.get(key);
  }

  set(key: string, entry: Entry): void {
    this.#entries.set(key, entry);
    this.#changed = true;
  }

  /** Writes the map when it has changed. A cache that cannot be written costs time, never a run. */
  save(): void {
    if (this.#path === undefined || !this.#changed) return;
    const body = JSON.stringify(Object.fromEntries(this.#entries));
    try {
      writeFileAtomic(this.#path, `${sha256(body)}\n${body}`);
      this.#changed = false;
    } catch { /* a read-only store still answers */ }
  }
}

function readEntries<Entry>(path: string): Map<string, Entry> {
  try {
    const text = Deno.readTextFileSync(path);
    const end = text.indexOf("\n");
    const body = text.slice(end + 1);
    if (end < 0 || sha256(body) !== text.slice(0, end)) return new Map();
    return new Map(Object.entries(JSON.parse(body) as Record<string, Entry>));
  } catch {
    return new Map();
  }
}
