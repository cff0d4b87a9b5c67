/**
 * One pass over a file that holds several sources: its documents are sorted by a field, once, into a folder that is shared.
 *
 * The pipeline has an instance for each source and split, so seventeen sources in thirty files would mean reading each
 * file thirty-four times. Here the first instance that wants a file reads it, under a lock, and puts its documents by value
 * of the field into parts; the others wait for that, then read only their own part. What an instance yields is what it
 * would yield by reading the file itself and leaving out the rest: the same documents, ids, order and bad rows. So the
 * folder may be lost at any time and is no input of anything.
 *
 *   <folder>/<digest of file, field and reading>/
 *     index.json      {format: 1, values: {<value>: {part, documents, bytes, sha256}}, without, skipped, digest}
 *     <part>.zst      frames of JSON lines {"id", "text"}
 *   <folder>/<digest>.tmp/   the same while a file is sorted, and sorting.json: how far that is, after a stop or a kill
 *   <folder>/<digest>.lock
 *
 * Parts are written beside their place and renamed, so a part that is there was whole. What is read has its digest checked:
 * where it is damaged, the file is sorted again.
 */
import { rmSync } from "node:fs";
import { join } from "node:path";
import { zstdCompressSync, zstdDecompressSync } from "node:zlib";
import {
  canonicalJson,
  readFully,
  SavePoints,
  sha256,
  sha256OfFile,
  StageError,
  writeAll,
  writeFileAtomic,
  writeFileSynced,
} from "../base/mod.ts";
import type { Document, DocumentReader, ReaderOptions, ReadPosition } from "./document.ts";
import { type DocumentsReport, SkipLog } from "./documents.ts";
import type { Input } from "./input.ts";
import { keptRecord } from "./json_file.ts";

/** Compressed a frame at a time, and one frame is held for each value. */
const frameBytes = 1024 * 1024;

/** Time from one record of a sorting to the next: parts are synced for it. */
const checkpointEveryMs = 30_000;

/** More values mean that the field names documents, not sources. */
const maxValues = 1000;

interface SharedSplitOptions {
  /** Shared by processes; on a disk with room for the text. */
  readonly folder: string;
  readonly reader: DocumentReader;
  readonly reading: Omit<ReaderOptions, "onSkip" | "from" | "metadataFields">;
  /** Path of the field: `meta.pile_set_name`. */
  readonly field: string;
  /** Which documents will be read. */
  readonly values: readonly string[];
  readonly signal?: AbortSignal;
  onProgress?(documents: number): void;
}

interface SplitIndex {
  readonly format: 1;
  readonly values: Readonly<Record<string, SplitPart>>;
  /** Documents whose field is absent or no string. */
  readonly without: number;
  /** Bad rows, when reading skips them. */
  readonly skipped: DocumentsReport["skipped"];
  /** SHA-256 of the canonical JSON of all the rest. */
  readonly digest: string;
}

/** How far the sorting of a file is. */
interface Sorting {
  readonly format: 1;
  readonly position: ReadPosition;
  readonly documents: number;
  readonly without: number;
  readonly skipped: DocumentsReport["skipped"];
  /** In the order of their numbers; `size` is of the file. */
  readonly parts: readonly (Pick<SplitPart, "documents" | "bytes"> & {
    readonly value: string;
    readonly size: number;
  })[];
}

interface SplitPart {
  readonly part: number;
  readonly documents: number;
  /** Of the texts. */
  readonly bytes: number;
  /** Of the part's file. */
  readonly sha256: string;
}

/** A file whose documents lie sorted by value. */
class SharedSplit {
  readonly index: SplitIndex;
  readonly #folder: string;

  constructor(folder: string, index: SplitIndex) {
    this.#folder = folder;
    this.index = index;
  }

  /** The documents of the values in the file's order, without the first `skip`. @throws StageError when a part is damaged. */
  *documents(values: readonly string[], skip = 0): Generator<Document> {
    const parts = partsOf(this.index, values).map(({ part }) => this.#read(part));
    let left = skip;
    for (const { row: _, ...document } of merged(parts)) {
      if (left-- > 0) continue;
      yield document;
    }
  }

  *#read(part: number): Generator<Document & { readonly row: number }> {
    const name = `${part}.zst`;
    using file = Deno.openSync(join(this.#folder, name));
    const { size } = file.statSync();
    for (let at = 0; at < size;) {
      const length = new DataView(readExactly(file, 4, name).buffer).getUint32(0);
      const text = new TextDecoder().decode(zstdDecompressSync(readExactly(file, length, name)));
      at += 4 + length;
      for (const line of text.split("\n")) if (line !== "") yield JSON.parse(line);
    }
  }
}

/**
 * Sorts a file's documents by a field, or finds that this was done.
 * @param state What tells this state of the file from all others. @throws StageError for a bad row, unless reading skips them.
 */
export async function openSharedSplit(
  input: Input,
  state: string,
  options: SharedSplitOptions,
): Promise<SharedSplit> {
  const { reader, reading, field, values } = options;
  const key = sha256(canonicalJson({ format: 2, state, field, read: reader.format, ...reading }));
  const folder = join(options.folder, key.slice(0, 40));
  Deno.mkdirSync(options.folder, { recursive: true });
  using lock = Deno.openSync(`${folder}.lock`, { create: true, write: true });
  await stoppable(lock.lock(true), options.signal);
  const kept = keptRecord<SplitIndex>(join(folder, "index.json"));
  const index = kept !== undefined && isWhole(folder, kept, values)
    ? kept
    : await sort(input, folder, options);
  return new SharedSplit(folder, index);
}

/** Whether what will be read is as it was written. */
function isWhole(folder: string, index: SplitIndex, values: readonly string[]): boolean {
  const { digest, ...rest } = index;
  try {
    return sha256(canonicalJson(rest)) === digest &&
      partsOf(index, values).every(({ part, sha256 }) =>
        sha256OfFile(join(folder, `${part}.zst`)) === sha256
      );
  } catch {
    return false;
  }
}

/** The parts of the values that the file has. */
function partsOf({ values: parts }: SplitIndex, values: readonly string[]): SplitPart[] {
  return values.filter((value) => Object.hasOwn(parts, value)).map((value) => parts[value]);
}

/** Waits for something that may take long, or for the stop. */
async function stoppable<T>(waiting: Promise<T>, signal: AbortSignal | undefined): Promise<T> {
  const stopped = Promise.withResolvers<never>();
  const stop = () => stopped.reject(signal!.reason);
  signal?.addEventListener("abort", stop);
  try {
    return await Promise.race([waiting, stopped.promise]);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

/** The folder in which a file is sorted, and how far that is; empty where it begins. No other process has it: the lock is held. */
function openSorting(folder: string): { temporary: string; record: string; found?: Sorting } {
  const temporary = `${folder}.tmp`;
  const record = join(temporary, "sorting.json");
  rmSync(folder, { recursive: true, force: true }); // a folder without an index is not whole
  const found = keptRecord<Sorting>(record);
  const isThere = found?.parts.every(({ size }, part) =>
    sizeOf(join(temporary, `${part}.zst`)) >= size
  );
  if (isThere) return { temporary, record, found };
  rmSync(temporary, { recursive: true, force: true });
  Deno.mkdirSync(temporary);
  return { temporary, record };
}

function sizeOf(path: string): number {
  try {
    return Deno.statSync(path).size;
  } catch {
    return -1;
  }
}

async function sort(
  input: Input,
  folder: string,
  { reader, reading, field, onProgress, signal = new AbortController().signal }: SharedSplitOptions,
): Promise<SplitIndex> {
  const { temporary, record, found } = openSorting(folder);
  const parts = new Map<string, PartWriter>();
  for (const [part, { value, ...from }] of found?.parts.entries() ?? []) {
    parts.set(value, new PartWriter(join(temporary, `${part}.zst`), part, from));
  }
  const skips = new SkipLog(found?.skipped);
  const onSkip = (reason: string) => skips.add(reason);
  let { without, documents } = found ?? { without: 0, documents: 0 };
  const from = found?.position;
  const stream = reader.read(input, { ...reading, metadataFields: [field], onSkip, from });
  const points = new SavePoints({
    signal,
    everyMs: checkpointEveryMs,
    save() {
      const states = [...parts].map(([value, part]) => ({ value, ...part.state() }));
      const { position } = stream;
      const sorting = { position, documents, without, skipped: skips.report(), parts: states };
      writeFileAtomic(record, JSON.stringify({ format: 1, ...sorting } satisfies Sorting));
    },
  });
  const partOf = (value: string): PartWriter => {
    const known = parts.get(value);
    if (known !== undefined) return known;
    if (parts.size === maxValues) {
      throw new StageError(
        `Cannot split "${input.name}" by "${field}": expected at most ${maxValues} values, found more`,
      );
    }
    const part = new PartWriter(join(temporary, `${parts.size}.zst`), parts.size);
    parts.set(value, part);
    return part;
  };
  try {
    for await (const { text, id, metadata } of stream) {
      const value = metadata?.[field];
      if (++documents % 10_000 === 0) onProgress?.(documents);
      if (typeof value === "string") partOf(value).add({ text, id, row: documents });
      else without++;
      points.pass();
    }
    for (const part of parts.values()) part.finish();
  } finally {
    for (const part of parts.values()) part[Symbol.dispose]();
  }
  const index = indexOf(temporary, parts, { without, skipped: skips.report() });
  writeFileSynced(join(temporary, "index.json"), JSON.stringify(index, null, 2) + "\n");
  rmSync(record, { force: true });
  Deno.renameSync(temporary, folder);
  return index;
}

function indexOf(
  folder: string,
  parts: ReadonlyMap<string, PartWriter>,
  counts: Pick<SplitIndex, "without" | "skipped">,
): SplitIndex {
  const values = [...parts].map(([value, { part, documents, bytes }]) =>
    [value, {
      part,
      documents,
      bytes,
      sha256: sha256OfFile(join(folder, `${part}.zst`)),
    }] as const
  );
  const rest = {
    format: 1,
    values: Object.fromEntries(values.sort(([a], [b]) => a < b ? -1 : 1)),
    ...counts,
  } as const;
  return { ...rest, digest: sha256(canonicalJson(rest)) };
}

/** One value's documents; memory holds a frame of them. */
class PartWriter implements Disposable {
  readonly part: number;
  readonly #file: Deno.FsFile;
  #lines: string[] = [];
  #held = 0;
  documents = 0;
  bytes = 0;

  /** @param from goes on with the file that is there */
  constructor(path: string, part: number, from?: ReturnType<PartWriter["state"]>) {
    this.part = part;
    const isNew = from === undefined;
    this.#file = Deno.openSync(path, { create: isNew, createNew: isNew, write: true });
    if (from === undefined) return;
    ({ documents: this.documents, bytes: this.bytes } = from);
    this.#file.truncateSync(from.size);
    this.#file.seekSync(from.size, Deno.SeekMode.Start);
  }

  /** Waits until all documents so far have reached the disk. */
  state(): Pick<SplitPart, "documents" | "bytes"> & { readonly size: number } {
    this.finish();
    const { documents, bytes } = this;
    return { documents, bytes, size: this.#file.statSync().size };
  }

  add(document: Document & { readonly row: number }): void {
    const line = JSON.stringify(document);
    this.#lines.push(line);
    this.#held += line.length;
    this.documents++;
    this.bytes += new TextEncoder().encode(document.text).length;
    if (this.#held >= frameBytes) this.#flush();
  }

  finish(): void {
    if (this.#lines.length > 0) this.#flush();
    this.#file.syncSync();
  }

  [Symbol.dispose](): void {
    this.#file.close();
  }

  #flush(): void {
    const frame = zstdCompressSync(new TextEncoder().encode(this.#lines.join("\n")));
    const length = new Uint8Array(4);
    new DataView(length.buffer).setUint32(0, frame.length);
    writeAll(this.#file, length);
    writeAll(this.#file, frame);
    this.#lines = [];
    this.#held = 0;
  }
}

/** Merges streams that ascend by `row` into one that ascends. */
function* merged<T extends { readonly row: number }>(streams: Iterator<T>[]): Generator<T> {
  const heads = streams.map((stream) => stream.next());
  for (;;) {
    let least = -1;
    heads.forEach((head, i) => {
      if (head.done) return;
      const other = least < 0 ? undefined : heads[least];
      if (other === undefined || head.value.row < (other.value as T).row) least = i;
    });
    if (least < 0) return;
    yield heads[least].value as T;
    heads[least] = streams[least].next();
  }
}

function readExactly(file: Deno.FsFile, length: number, name: string): Uint8Array<ArrayBuffer> {
  const bytes = new Uint8Array(length);
  const found = readFully(file, bytes);
  if (found < length) {
    throw new StageError(`Cannot read split "${name}": expected ${length} bytes, found ${found}`);
  }
  return bytes;
}
