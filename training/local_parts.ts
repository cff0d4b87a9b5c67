/**
 * What other processes have made of a round, and what they have in hand, beside the checkpoints of the run: whoever takes it up again
 * goes on from there.
 *
 *   <checkpoint folder>/ahead-<source>            of the process that leads, or of one that is alone
 *   <checkpoint folder>/ahead-<source>@<worker>
 *
 * Each process writes in folders of its own alone. What it goes on from it makes its own first: one that has lost a task to it, and does not
 * know yet, can harm nothing then.
 */
import { existsSync, readdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { type Log, removeTree, systemError } from "../base/mod.ts";
import { packState, unpackState } from "./checkpoint.ts";
import { CheckpointStore } from "./checkpoint_store.ts";
import type { LocalOutcome, LocalPart, LocalTask } from "./local_work.ts";

/** A task that is under way, or one that is done. */
export type Kept = { readonly part?: LocalPart; readonly outcome?: LocalOutcome };
type Participant = Pick<LocalTask, "name" | "round">;

interface LocalPartsOptions {
  readonly checkpointFolder: string;
  /** The name of this process among those that have the folder; absent for the one that leads, or is alone. */
  readonly worker?: string;
  readonly log: Log;
}

export class LocalParts {
  readonly #folder: string;
  readonly #worker: string | undefined;
  readonly #log: Log;
  /** That of the participant whose part was kept last. */
  #open: { readonly name: string; readonly store: CheckpointStore } | undefined;

  constructor({ checkpointFolder, worker, log }: LocalPartsOptions) {
    [this.#folder, this.#worker, this.#log] = [checkpointFolder, worker, log];
  }

  /** What was done of a task, by this process or another; undefined for one that begins. */
  of({ name, round }: Participant): Kept | undefined {
    const own = this.#ownFolder(name);
    const others = this.#foldersOf(name).filter((folder) => folder !== own);
    for (const folder of [own, ...others]) {
      if (folder !== own) this.#makeOwn(name, folder);
      if (!existsSync(own)) continue;
      const found = this.#storeOf(name).latest((checkpoint) =>
        unpackState<Kept & { readonly round: number }>(checkpoint)
      );
      if (found?.round === round) return found;
    }
    return undefined;
  }

  keep({ name, round }: Participant, kept: Kept): void {
    this.#storeOf(name).write(packState({ round, ...kept }));
  }

  /** This process has done the task: nobody goes on from what it has kept. */
  drop(name: string): void {
    removeTree(this.#ownFolder(name));
    this.#open = undefined;
  }

  /** The same of all processes: what they made is in a checkpoint of the run. */
  dropAll(name: string): void {
    this.#foldersOf(name).forEach(removeTree);
    this.#open = undefined;
  }

  /** Before anything in it is read: its maker may be at work. */
  #makeOwn(name: string, folder: string): void {
    this.drop(name);
    try {
      renameSync(folder, this.#ownFolder(name));
    } catch (error) {
      if (systemError(error)?.name !== "ENOENT") throw error; // else another was faster
    }
  }

  #storeOf(name: string): CheckpointStore {
    const folder = this.#ownFolder(name);
    if (this.#open?.name !== name || !existsSync(folder)) {
      this.#open = { name, store: new CheckpointStore(folder, this.#log) };
    }
    return this.#open.store;
  }

  #ownFolder(name: string): string {
    return join(this.#folder, folderName(name, this.#worker));
  }

  /** In the order of their names. */
  #foldersOf(name: string): string[] {
    const isOf = (entry: string) =>
      entry === folderName(name) || entry.startsWith(folderName(name, ""));
    const entries = existsSync(this.#folder) ? readdirSync(this.#folder) : [];
    return entries.filter(isOf).sort().map((entry) => join(this.#folder, entry));
  }
}

/** Names of sources have no `@`. */
function folderName(name: string, worker?: string): string {
  return `ahead-${name}${worker === undefined ? "" : `@${worker}`}`;
}
