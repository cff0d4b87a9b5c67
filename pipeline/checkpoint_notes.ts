/**
 * What is noted beside the checkpoints of an action: which machines have worked there, on what.
 *
 * The last digits of a result depend on a machine's instructions, so a run that continued from a checkpoint of another machine
 * says so. Text of a file may be in a checkpoint, so one that was made of other states of the files is not gone on from.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readTextIfThere, writeFileAtomic, writeFileSynced } from "../base/mod.ts";
import { instructionSet } from "./instruction_set.ts";
import { removeTree } from "./remove_tree.ts";

/** One line for each instruction set, in the order of work. */
const machineNotes = "machines";

/** The key of the action, then a line for each outside file: what tells its state from all others. */
const sourceNotes = "made-of";

/** The notes in a checkpoint folder, by name. */
export const checkpointNotes: readonly string[] = [machineNotes, sourceNotes];

/**
 * Makes the checkpoint folder of an action, empty where what lies there was made for another key or of other states of files.
 * @param files What tells the states of the outside files of the action from all others; empty if it has none.
 * @returns whether there is something to go on from.
 */
export function openCheckpointFolder(folder: string, key: string, files: string): boolean {
  const path = join(folder, sourceNotes);
  const notes = `${key}\n${files}`;
  // Older versions noted nothing.
  const found = readTextIfThere(path);
  if ((found ?? (files === "" ? notes : "")) !== notes) removeTree(folder);
  Deno.mkdirSync(folder, { recursive: true });
  if (found !== notes) writeFileAtomic(path, notes);
  return [...Deno.readDirSync(folder)]
    .some(({ name }) => !checkpointNotes.includes(name) && !name.endsWith(".tmp"));
}

/** Adds this machine to a checkpoint folder, unless it was the last to work there. Returns all machines of the folder. */
export function noteMachine(folder: string, own: string = instructionSet()): readonly string[] {
  const known = machinesOf(folder);
  if (known.at(-1) === own) return known;
  const all = [...known, own];
  writeFileSynced(join(folder, machineNotes), all.map((set) => `${set}\n`).join(""));
  return all;
}

/** The instruction sets of the machines that have worked in a checkpoint folder, in the order of work. */
export function machinesOf(folder: string): readonly string[] {
  const path = join(folder, machineNotes);
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}
