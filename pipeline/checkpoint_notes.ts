/**
 * What is noted beside the checkpoints of an action: which machines have worked there, on what, and where they were stopped.
 *
 * The last digits of a result depend on a machine's instructions, so a run that continued from a checkpoint of another machine
 * says so. Text of a file may be in a checkpoint, so one that was made of other states of the files is not gone on from.
 */
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { readTextIfThere, removeTree, writeFileAtomic, writeFileSynced } from "../base/mod.ts";
import { instructionSet } from "./instruction_set.ts";
import type { StageProgress } from "./stage.ts";

/** One line for each instruction set, in the order of work. */
const machineNotes = "machines";

/** The key of the action, then a line for each outside file: what tells its state from all others. */
const sourceNotes = "made-of";

/** How far the action was when it was last stopped, as JSON; gone while it is at work. */
const stopNotes = "stopped-at";

/** The notes in a checkpoint folder, by name. */
export const checkpointNotes: readonly string[] = [machineNotes, sourceNotes, stopNotes];

/** How far an action was when it was stopped. */
export type StopPlace = Pick<StageProgress, "done" | "total" | "unit">;

/** What is left of work on an action that did not end. */
export interface Interruption {
  /** Absent if it was killed, or stopped before it had said anything. */
  readonly stoppedAt?: StopPlace;
  readonly hasCheckpoint: boolean;
}

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
  removeTree(join(folder, stopNotes));
  return hasCheckpoint(folder);
}

/**
 * Whether a name in a checkpoint folder is of something to go on from. Unfinished files end in `.tmp`; what stages note beside
 * checkpoints begins with a point.
 */
export function isCheckpoint(name: string): boolean {
  return !checkpointNotes.includes(name) && !name.endsWith(".tmp") && !name.startsWith(".");
}

/** Whether a folder, which exists, has something to go on from. */
export function hasCheckpoint(folder: string): boolean {
  return [...Deno.readDirSync(folder)].some(({ name, isDirectory }) =>
    isCheckpoint(name) && (!isDirectory || hasCheckpoint(join(folder, name)))
  );
}

/** Notes in the checkpoint folder of an action where it was stopped, if that is known. */
export function noteStop(folder: string, place: StopPlace | undefined): Interruption {
  if (place !== undefined) {
    const { done, total, unit } = place;
    writeFileAtomic(join(folder, stopNotes), JSON.stringify({ done, total, unit }));
  }
  return interruptionOf(folder) ?? { hasCheckpoint: false };
}

/** What is left in the checkpoint folder of an action; undefined if it was never at work, or nothing came of that. */
export function interruptionOf(folder: string): Interruption | undefined {
  if (!existsSync(folder)) return undefined;
  const stoppedAt = stopPlace(readTextIfThere(join(folder, stopNotes)));
  const has = hasCheckpoint(folder);
  if (stoppedAt !== undefined) return { stoppedAt, hasCheckpoint: has };
  return has ? { hasCheckpoint: true } : undefined;
}

function stopPlace(noted: string | undefined): StopPlace | undefined {
  const found = /^\{"done":([\d.e+]+),"total":([\d.e+]+),"unit":"([\w ]+)"\}$/.exec(noted ?? "");
  return found === null
    ? undefined
    : { done: Number(found[1]), total: Number(found[2]), unit: found[3] };
}

/** `stopped at step 37 of 600, goes on from its checkpoint`. */
export function interruptionText({ stoppedAt, hasCheckpoint }: Interruption): string {
  const next = hasCheckpoint ? "goes on from its checkpoint" : "begins again";
  return `${
    stoppedAt === undefined ? "interrupted" : `stopped at ${placeText(stoppedAt)}`
  }, ${next}`;
}

/** `step 37 of 600`. */
export function placeText({ done, total, unit }: StopPlace): string {
  return `${unit.replace(/s$/, "")} ${done}${total > 0 ? ` of ${total}` : ""}`;
}

/** Warns of results that were begun on one kind of processor and went on on another. */
export const otherInstructions =
  "goes on from a checkpoint of a machine with other instructions: last digits may differ";

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
