/**
 * Which machines have worked on an action. The last digits of a result depend on their instructions, so a run that continued
 * from a checkpoint of another machine says so.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileSynced } from "../base/mod.ts";
import { instructionSet } from "./instruction_set.ts";

/** The file beside the checkpoints of an action: one line for each instruction set, in the order of work. */
export const machineNotes = "machines";

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
