/**
 * Which results each recipe has asked for in a store: garbage collection starts from these.
 *
 * `runs/<name>.jsonl`, a file for each recipe with its overrides: a first line that says what was run and when last, then a
 * line `{instance, key}` for each action. Lines are appended during a run, so that a kill loses none; the next run
 * writes the file again, with the last key of each instance.
 */
import { join } from "node:path";
import { canonicalJson, type Json, sha256, writeFileAtomic } from "../base/mod.ts";
import type { InstanceId } from "./stage.ts";
import type { Store } from "./store.ts";

/** What distinguishes records: the recipe and its overrides. */
interface RunIdentity {
  readonly recipe: string;
  readonly [option: string]: Json | undefined;
}

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
  readonly #keys: Map<InstanceId, string>;
  readonly #identity: RunIdentity;

  /**
   * Opens a record, with the keys of earlier runs of the same recipe, and writes it with the present time.
   * @param known Every instance of the recipe: others are forgotten. Absent: none is.
   */
  constructor(store: Store, identity: RunIdentity, known?: ReadonlySet<InstanceId>) {
    const name = sha256(canonicalJson(identity)).slice(0, 16);
    this.#path = join(store.folder, "runs", `${name}.jsonl`);
    this.#identity = identity;
    const earlier = readRecord(this.#path)?.keys ?? new Map<InstanceId, string>();
    this.#keys = new Map([...earlier].filter(([id]) => known?.has(id) ?? true));
    Deno.mkdirSync(join(store.folder, "runs"), { recursive: true });
    this.#write();
  }

  /** Records the key of an instance that is fresh or is about to run. */
  add(instance: InstanceId, key: string): void {
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

/** Every record of a store, newest first. */
export function readRunRecords(store: Store): RunRecord[] {
  let names: string[];
  try {
    names = [...Deno.readDirSync(join(store.folder, "runs"))].map(({ name }) => name);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return [];
    throw error;
  }
  return names.filter((name) => name.endsWith(".jsonl"))
    .map((name) => readRecord(join(store.folder, "runs", name)))
    .filter((record) => record !== undefined)
    .sort((a, b) => (a.at < b.at ? 1 : a.at > b.at ? -1 : 0));
}

function readRecord(path: string): RunRecord | undefined {
  try {
    const [header, ...lines] = Deno.readTextFileSync(path).split("\n");
    const { identity, at } = JSON.parse(header);
    const keys = new Map<InstanceId, string>();
    for (const line of lines) {
      const [id, key] = parseLine(line) ?? [];
      if (id !== undefined && key !== undefined) keys.set(id, key);
    }
    return { identity, at, path, keys };
  } catch {
    return undefined;
  }
}

function lineOf(instance: InstanceId, key: string): string {
  return `${JSON.stringify([instance, key])}\n`;
}

/** Undefined for a line that a kill has cut off. */
function parseLine(line: string): [InstanceId, string] | undefined {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}
