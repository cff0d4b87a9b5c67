/**
 * Which machines have worked on an action: its last digits are those of all whose instructions it used, so that a run that went
 * on from another machine's checkpoint says so.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { writeFileSynced } from "../base/mod.ts";
import { instructionSet } from "./instruction_set.ts";

/** The file beside the checkpoints of an action: a line an instruction set, in the order of work. */
export const machineNotes = "machines";

/** Notes this machine in a checkpoint folder, unless it was the last to work there; returns all that have. */
export function noteMachine(folder: string, own: string = instructionSet()): readonly string[] {
  const known = machinesOf(folder);
  if (known.at(-1) === own) return known;
  const all = [...known, own];
  writeFileSynced(join(folder, machineNotes), all.map((set) => `${set}\n`).join(""));
  return all;
}

/** The instruction sets that have worked on what a checkpoint folder holds, in the order of work. */
export function machinesOf(folder: string): readonly string[] {
  const path = join(folder, machineNotes);
  return existsSync(path) ? readFileSync(path, "utf8").split("\n").slice(0, -1) : [];
}
