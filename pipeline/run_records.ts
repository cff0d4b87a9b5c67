/**
 * Which results each recipe has asked for in a store: garbage collection starts from these.
 *
 * `runs/<name>.jsonl`, a file for each recipe with its overrides: a first line that says what was run and when last, then a
 * line `{instance, key}` for each action. Lines are appended during a run, so that a kill loses none; the next run
 * writes the file again, with the last key of each instance.
 */
import { join } from "node:path";
import { z } from "zod";
import {
  canonicalJson,
  messageOf,
  readTextIfThere,
  sha256,
  systemError,
  UsageError,
  writeFileAtomic,
} from "../base/mod.ts";
import { type RunEnd, RunHistory, type RunIdentity } from "./run_history.ts";
import type { InstanceId } from "./stage.ts";
import type { Store } from "./store.ts";

export interface RunRecord {
  readonly identity: RunIdentity;
  /** ISO 8601, UTC: when it was run last. */
  readonly at: string;
  readonly path: string;
  /** The last key of each instance. */
  readonly keys: ReadonlyMap<InstanceId, string>;
}

/** The record of the current run. */
export class RunRecorder {
  readonly #path: string;
  readonly #store: Store;
  readonly #keys: Map<InstanceId, string>;
  readonly #identity: RunIdentity;
  /** Absent until the run begins, and for what is no run. */
  #history: RunHistory | undefined;

  /**
   * Opens a record, with the keys of earlier runs of the same recipe, and writes it with the present time.
   * @param known Every instance of the recipe: others are forgotten. Absent: none is.
   */
  constructor(store: Store, identity: RunIdentity, known?: ReadonlySet<InstanceId>) {
    const name = sha256(canonicalJson(identity)).slice(0, 16);
    this.#store = store;
    this.#path = join(store.folder, "runs", `${name}.jsonl`);
    this.#identity = identity;
    const { record } = readRunRecord(readTextIfThere(this.#path) ?? "", this.#path);
    const earlier = record?.keys ?? new Map<InstanceId, string>();
    this.#keys = new Map([...earlier].filter(([id]) => known?.has(id) ?? true));
    Deno.mkdirSync(join(store.folder, "runs"), { recursive: true });
    this.#write();
  }

  /** Begins a run, which the store's history remembers. @param keys Of the instances that it asks for, as far as they are known. */
  begin(targets: readonly string[], keys: Iterable<readonly [InstanceId, string]>): void {
    this.#history = new RunHistory(this.#store, this.#identity, targets, keys);
  }

  /** Ends it. */
  end(end: RunEnd): void {
    this.#history?.end(end);
  }

  /** Records the key of an instance that is fresh or is about to run. */
  add(instance: InstanceId, key: string): void {
    this.#history?.add(instance, key);
    if (this.#keys.get(instance) === key) return;
    this.#keys.set(instance, key);
    Deno.writeTextFileSync(this.#path, lineOf(instance, key), { append: true });
  }

  /** `add` for many, in one write. */
  addAll(keys: Iterable<readonly [InstanceId, string]>): void {
    const news = [...keys].filter(([id, key]) => this.#keys.get(id) !== key);
    if (news.length === 0) return;
    for (const [id, key] of news) this.#keys.set(id, key);
    this.#write();
  }

  #write(): void {
    const header = JSON.stringify({ identity: this.#identity, at: new Date().toISOString() });
    const lines = [...this.#keys].map(([id, key]) => lineOf(id, key));
    writeFileAtomic(this.#path, `${header}\n${lines.join("")}`);
  }
}

/** Every record of a store, newest first. @throws UsageError for a file that is none: results that only it asks for would be lost */
export function readRunRecords(store: Store): RunRecord[] {
  return runRecordFiles(store).map(({ path, record, fault }) => {
    if (record !== undefined) return record;
    throw new UsageError(
      `Cannot read "${path}", the record of what a recipe has asked for: ${fault}; run that recipe again, ` +
        `or drop the record with: deno task pipeline verify`,
    );
  }).sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
}

/** A record, or what is wrong with the file that should hold it, as part of a sentence. */
type ReadRecord =
  | { readonly record: RunRecord; readonly fault?: undefined }
  | { readonly record?: undefined; readonly fault: string };

/** Every file of a store that should hold a record, by name. */
export function runRecordFiles(store: Store): (ReadRecord & { readonly path: string })[] {
  const folder = join(store.folder, "runs");
  let names: string[];
  try {
    names = [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return names.filter((name) => name.endsWith(".jsonl")).map((name) => {
    const path = join(folder, name);
    return { path, ...readRunRecordFile(path) };
  });
}

function readRunRecordFile(path: string): ReadRecord {
  let text: string;
  try {
    text = Deno.readTextFileSync(path);
  } catch (error) {
    const found = systemError(error)?.found ?? messageOf(error);
    return { fault: `expected a file, found ${found}` };
  }
  return readRunRecord(text, path);
}

/** Reads a text as a record. Of its last line a kill may have left a part: that counts as none. */
export function readRunRecord(text: string, path: string): ReadRecord {
  const [header, ...lines] = text.split("\n").map(parseLine);
  const found = headerShape.safeParse(header);
  if (!found.success) return { fault: "expected a first line that names a recipe and a time" };
  const keys = new Map<InstanceId, string>();
  for (const [i, line] of lines.slice(0, -1).entries()) {
    const entry = entryShape.safeParse(line);
    if (!entry.success) return { fault: `expected an instance and its key in line ${i + 2}` };
    keys.set(...entry.data);
  }
  const { identity, at } = header as z.infer<typeof headerShape>;
  return { record: { identity, at, path, keys } };
}

const headerShape = z.looseObject({
  identity: z.looseObject({ recipe: z.string() }),
  at: z.iso.datetime(),
}) as z.ZodType<{ readonly identity: RunIdentity; readonly at: string }>;

const entryShape = z.tuple([z.string(), z.string().regex(/^[0-9a-f]{64}$/)]);

function lineOf(instance: InstanceId, key: string): string {
  return `${JSON.stringify([instance, key])}\n`;
}

/** The value of a line; undefined for what is no JSON. */
function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
