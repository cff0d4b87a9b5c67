/**
 * Tasks of other processes that were stopped, kept beside the checkpoints of the run, as checkpoints: whoever takes them up again goes on
 * from there.
 *
 *   <checkpoint folder>/ahead-<source>/
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import { type Log, StageError } from "../base/mod.ts";
import { packState, unpackState } from "./checkpoint.ts";
import { readCheckpoint, writeCheckpoint } from "./checkpoint_folder.ts";
import type { LocalPart, LocalTask } from "./local_training.ts";

type Kept = { readonly round: number; readonly part: LocalPart };
type Participant = Pick<LocalTask, "name" | "round">;

export class LocalParts {
  readonly #folder: string;
  readonly #log: Log;

  constructor({ checkpointFolder, log }: { readonly checkpointFolder: string; readonly log: Log }) {
    this.#folder = checkpointFolder;
    this.#log = log;
  }

  /** What was done of a task; undefined for one that begins. */
  of({ name, round }: Participant): LocalPart | undefined {
    const folder = this.#folderOf(name);
    if (!existsSync(folder)) return undefined;
    try {
      const kept = unpackState<Kept>(readCheckpoint(folder));
      return kept.round === round ? kept.part : undefined;
    } catch (error) {
      if (!(error instanceof StageError)) throw error;
      this.#log.warn(`${error.message}; ${name} begins round ${round} again`);
      return undefined;
    }
  }

  keep({ name, round }: Participant, part: LocalPart): void {
    this.drop(name);
    writeCheckpoint(this.#folderOf(name), packState({ round, part }));
  }

  /** The task is done, and what it made is in a checkpoint of the run. */
  drop(name: string): void {
    rmSync(this.#folderOf(name), { recursive: true, force: true });
  }

  #folderOf(name: string): string {
    return join(this.#folder, `ahead-${name}`);
  }
}
