/**
 * What other processes have made of a round, and what they have in hand, beside the checkpoints of the run: whoever takes it up again
 * goes on from there.
 *
 *   <checkpoint folder>/ahead-<source>/
 */
import { existsSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Log } from "../base/mod.ts";
import { packState, unpackState } from "./checkpoint.ts";
import { CheckpointStore } from "./checkpoint_store.ts";
import type { LocalOutcome, LocalPart, LocalTask } from "./local_work.ts";

/** A task that is under way, or one that is done. */
export type Kept = { readonly part?: LocalPart; readonly outcome?: LocalOutcome };
type Participant = Pick<LocalTask, "name" | "round">;

export class LocalParts {
  readonly #folder: string;
  readonly #log: Log;
  /** That of the participant whose part was kept last. */
  #open: { readonly name: string; readonly store: CheckpointStore } | undefined;

  constructor({ checkpointFolder, log }: { readonly checkpointFolder: string; readonly log: Log }) {
    this.#folder = checkpointFolder;
    this.#log = log;
  }

  /** What was done of a task; undefined for one that begins. */
  of({ name, round }: Participant): Kept | undefined {
    if (!existsSync(this.#folderOf(name))) return undefined;
    const found = this.#storeOf(name).latest((checkpoint) =>
      unpackState<Kept & { readonly round: number }>(checkpoint)
    );
    return found?.round === round ? found : undefined;
  }

  keep({ name, round }: Participant, kept: Kept): void {
    this.#storeOf(name).write(packState({ round, ...kept }));
  }

  /** The task is done, and what it made is in a checkpoint of the run. */
  drop(name: string): void {
    rmSync(this.#folderOf(name), { recursive: true, force: true });
    this.#open = undefined;
  }

  #storeOf(name: string): CheckpointStore {
    const folder = this.#folderOf(name);
    if (this.#open?.name !== name || !existsSync(folder)) {
      this.#open = { name, store: new CheckpointStore(folder, this.#log) };
    }
    return this.#open.store;
  }

  #folderOf(name: string): string {
    return join(this.#folder, `ahead-${name}`);
  }
}
