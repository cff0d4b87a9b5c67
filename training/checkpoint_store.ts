/**
 * Checkpoint folders: written beside their place, synced, DONE last, then renamed, so that a kill at any instant leaves
 * whole checkpoints only.
 */
import { basename, dirname, join } from "node:path";
import {
  canonicalJson,
  type Json,
  type Log,
  readIfThere,
  sha256,
  StageError,
  writeFileSynced,
  writePartsSynced,
} from "../base/mod.ts";
import { type Checkpoint, isObject, type JsonObject, type Tensors } from "./checkpoint.ts";
import { decodeSafetensors, safetensorsParts } from "./safetensors.ts";

const doneFile = "DONE";
const stateFile = "state.json";
const groupSuffix = ".safetensors";
const folderName = /^checkpoint-(\d{6,})$/;
const kept = 2;

/**
 * Writes a checkpoint as the folder `folder`, which must not exist. The rename is what makes it appear; its DONE names
 * every file's SHA-256.
 */
export function writeCheckpoint(folder: string, checkpoint: Checkpoint<Json>): void {
  writeFolder(folder, checkpoint, () => undefined);
}

/** Writes a checkpoint's files into a folder that exists, DONE last: for outputs, which the runner publishes itself. */
export function fillCheckpoint(folder: string, checkpoint: Checkpoint<Json>): void {
  writeFiles(folder, checkpoint, () => undefined);
}

/**
 * The checkpoint in `folder`, every file checked against DONE.
 * @throws StageError when it was not finished or is damaged, naming the file.
 */
export function readCheckpoint<State = JsonObject>(folder: string): Checkpoint<State> {
  const fail = (expected: string, found: string): never => {
    throw new StageError(
      `Cannot read checkpoint "${basename(folder)}": expected ${expected}, found ${found}`,
    );
  };
  const written = readIfThere(join(folder, doneFile));
  const done = written && parseJson(written);
  if (!isObject(done)) return fail("a whole DONE", "none");
  const groups: Record<string, Tensors> = {};
  let state: State | undefined;
  for (const file of Object.keys(done).sort()) {
    if (basename(file) !== file) return fail("names of files in DONE", `"${file}"`);
    const bytes = readIfThere(join(folder, file));
    if (bytes === undefined) return fail(`file "${file}"`, "none");
    if (sha256(bytes) !== done[file]) return fail(`"${file}" as DONE has it`, "other bytes");
    if (file === stateFile) state = parseJson(bytes) as State | undefined;
    else if (file.endsWith(groupSuffix)) {
      groups[file.slice(0, -groupSuffix.length)] = decodeSafetensors(
        bytes,
        `${basename(folder)}/${file}`,
      );
    }
  }
  if (state === undefined) return fail(`JSON in "${stateFile}"`, "none");
  return { groups, state };
}

/**
 * Writes numbered checkpoints into a folder and keeps the last two.
 *
 * A group that is the same object as in the last checkpoint is not written again but linked: round-start parameters,
 * the best so far and the tables of other sources stay as they are through a whole round.
 */
export class CheckpointStore {
  readonly folder: string;
  readonly #log: Log | undefined;
  #number: number;
  #last:
    | { readonly folder: string; readonly checkpoint: Checkpoint<Json>; readonly done: Done }
    | undefined;

  /** @param log Told of checkpoints that are damaged. */
  constructor(folder: string, log?: Log) {
    this.folder = folder;
    this.#log = log;
    Deno.mkdirSync(folder, { recursive: true });
    for (const entry of [...Deno.readDirSync(folder)]) {
      // A killed writer has left it.
      if (entry.name.endsWith(".tmp")) {
        Deno.removeSync(join(folder, entry.name), { recursive: true });
      }
    }
    this.#number = checkpointNumbers(folder).at(-1) ?? 0;
  }

  /**
   * What `use` makes of the newest whole checkpoint, or undefined when there is none. A newer one that is damaged, or that `use` refuses
   * with a StageError, is passed over with a warning.
   */
  latest<T = Checkpoint>(use = (checkpoint: Checkpoint) => checkpoint as T): T | undefined {
    for (const number of checkpointNumbers(this.folder).reverse()) {
      try {
        return use(readCheckpoint(join(this.folder, nameOf(number))));
      } catch (error) {
        if (!(error instanceof StageError)) throw error;
        this.#log?.warn(`${error.message}; going on from the one before`);
      }
    }
    return undefined;
  }

  write(checkpoint: Checkpoint<Json>): void {
    const folder = join(this.folder, nameOf(++this.#number));
    const last = this.#last;
    const done = writeFolder(folder, checkpoint, (group) => {
      if (last === undefined || last.checkpoint.groups[group] !== checkpoint.groups[group]) return;
      const file = group + groupSuffix;
      return { path: join(last.folder, file), digest: last.done[file] };
    });
    this.#last = { folder, checkpoint, done };
    for (const number of checkpointNumbers(this.folder).slice(0, -kept)) {
      Deno.removeSync(join(this.folder, nameOf(number)), { recursive: true });
    }
  }
}

/** SHA-256 by file name. */
type Done = Readonly<Record<string, string>>;

/** Where a group's bytes already lie. */
type Unchanged = (group: string) => { readonly path: string; readonly digest: string } | undefined;

function writeFolder(folder: string, checkpoint: Checkpoint<Json>, unchanged: Unchanged): Done {
  const temporary = `${folder}.${crypto.randomUUID()}.tmp`;
  Deno.mkdirSync(temporary, { recursive: true });
  const done = writeFiles(temporary, checkpoint, unchanged);
  Deno.renameSync(temporary, folder);
  syncFolder(dirname(folder));
  return done;
}

function writeFiles(
  folder: string,
  { groups, state }: Checkpoint<Json>,
  unchanged: Unchanged,
): Done {
  const done: Record<string, string> = {};
  for (const group of Object.keys(groups).sort()) {
    const file = group + groupSuffix;
    const old = unchanged(group);
    if (old !== undefined && link(old.path, join(folder, file))) {
      done[file] = old.digest;
      continue;
    }
    done[file] = writePartsSynced(join(folder, file), safetensorsParts(groups[group]));
  }
  const text = canonicalJson(state) + "\n";
  writeFileSynced(join(folder, stateFile), text);
  done[stateFile] = sha256(text);
  writeFileSynced(join(folder, doneFile), canonicalJson(done) + "\n");
  return done;
}

/** False where the file system has no hard links. */
function link(from: string, to: string): boolean {
  try {
    Deno.linkSync(from, to);
    return true;
  } catch {
    return false;
  }
}

/** Makes a rename last through a power cut, where folders can be synced. */
function syncFolder(folder: string): void {
  try {
    using file = Deno.openSync(folder, { read: true });
    file.syncSync();
  } catch { /* not on this system: the rename is still atomic */ }
}

/** Undefined for what is no JSON. */
function parseJson(bytes: Uint8Array): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}

/** Ascending. */
function checkpointNumbers(folder: string): number[] {
  const entries = [...Deno.readDirSync(folder)];
  return entries.map((entry) => folderName.exec(entry.name)?.[1]).filter((text) =>
    text !== undefined
  ).map(Number).sort((a, b) => a - b);
}

function nameOf(number: number): string {
  return `checkpoint-${String(number).padStart(6, "0")}`;
}
