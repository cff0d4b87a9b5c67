/**
 * Checkpoints as folders that others read: finished models, tasks for other processes. DONE is written last.
 */
import { basename, dirname, join } from "node:path";
import {
  canonicalJson,
  digestIfThere,
  type Json,
  partsOfFile,
  readIfThere,
  sha256,
  StageError,
  syncFolder,
  writeFileSynced,
  writePartsSynced,
} from "../base/mod.ts";
import {
  type Checkpoint,
  type Group,
  isObject,
  isStored,
  type JsonObject,
  type Tensors,
} from "./checkpoint.ts";
import { safetensorsParts } from "./safetensors.ts";
import { openTensors } from "./stored_tensors.ts";

const doneFile = "DONE";
const stateFile = "state.json";
const groupSuffix = ".safetensors";

/**
 * Writes a checkpoint as the folder `folder`, which must not exist. The rename is what makes it appear; its DONE names
 * every file's SHA-256.
 */
export function writeCheckpoint(folder: string, checkpoint: Checkpoint<Json, Group>): void {
  const temporary = `${folder}.${crypto.randomUUID()}.tmp`;
  Deno.mkdirSync(temporary, { recursive: true });
  fillCheckpoint(temporary, checkpoint);
  Deno.renameSync(temporary, folder);
  syncFolder(dirname(folder));
}

/** Writes a checkpoint's files into a folder that exists, DONE last: for outputs, which the runner publishes itself. */
export function fillCheckpoint(
  folder: string,
  { groups, state }: Checkpoint<Json, Group>,
): void {
  const done: Record<string, string> = {};
  for (const group of Object.keys(groups).sort()) {
    done[group + groupSuffix] = writeGroup(join(folder, group + groupSuffix), groups[group]);
  }
  const text = canonicalJson(state) + "\n";
  writeFileSynced(join(folder, stateFile), text);
  done[stateFile] = sha256(text);
  writeFileSynced(join(folder, doneFile), canonicalJson(done) + "\n");
}

/** Returns the SHA-256 of what it has written. */
function writeGroup(path: string, group: Group): string {
  if (!isStored(group)) return writePartsSynced(path, safetensorsParts(group));
  const digest = writePartsSynced(path, partsOfFile(group.path));
  if (digest === group.digest) return digest;
  throw new StageError(
    `Cannot copy tensors: expected in "${group.path}" what was written there, found other bytes`,
  );
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
  const done = parseJson(readIfThere(join(folder, doneFile)));
  if (!isObject(done)) return fail("a whole DONE", "none");
  const groups: Record<string, Tensors> = {};
  let state: State | undefined;
  for (const file of Object.keys(done).sort()) {
    const path = join(folder, file);
    if (basename(file) !== file) return fail("names of files in DONE", `"${file}"`);
    const digest = digestIfThere(path);
    if (digest === undefined) return fail(`file "${file}"`, "none");
    if (digest !== done[file]) return fail(`"${file}" as DONE has it`, "other bytes");
    if (file === stateFile) state = parseJson(readIfThere(path)) as State | undefined;
    else if (file.endsWith(groupSuffix)) {
      groups[file.slice(0, -groupSuffix.length)] = openTensors(path, digest).read();
    }
  }
  if (state === undefined) return fail(`JSON in "${stateFile}"`, "none");
  return { groups, state };
}

/** Undefined for what is no JSON. */
function parseJson(bytes: Uint8Array | undefined): unknown {
  try {
    return JSON.parse(new TextDecoder().decode(bytes));
  } catch {
    return undefined;
  }
}
