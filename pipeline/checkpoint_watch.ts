/**
 * Notices checkpoints as they appear in a folder: stages write them in ways of their own.
 */
import { join } from "node:path";
import { isCheckpoint } from "./checkpoint_notes.ts";

export class CheckpointWatch {
  readonly #folder: string;
  #latest: number;

  /** What is there already is not news. */
  constructor(folder: string) {
    this.#folder = folder;
    this.#latest = this.#newest()?.time ?? -Infinity;
  }

  /** The name of a checkpoint that was written since the last call; undefined when none was. */
  news(): string | undefined {
    const newest = this.#newest();
    if (newest === undefined || newest.time <= this.#latest) return undefined;
    this.#latest = newest.time;
    return newest.name;
  }

  #newest(): { name: string; time: number } | undefined {
    let newest: { name: string; time: number } | undefined;
    try {
      for (const { name } of Deno.readDirSync(this.#folder)) {
        if (!isCheckpoint(name)) continue;
        const time = Deno.statSync(join(this.#folder, name)).mtime?.getTime() ?? 0;
        if (newest === undefined || time > newest.time) newest = { name, time };
      }
    } catch { /* one was removed meanwhile, or none was ever made */ }
    return newest;
  }
}
