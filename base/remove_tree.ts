/**
 * Removal of a file or a folder, which others may still write in.
 */
import { existsSync } from "node:fs";
import { systemError } from "./system_errors.ts";

/** Others who write while it is removed are overtaken sooner or later. */
const mostTries = 1000;

/** Removes a file or a folder with all that is in it, and what comes in meanwhile; absent is fine. */
export function removeTree(path: string): void {
  for (let tries = 1;; tries++) {
    try {
      return Deno.removeSync(path, { recursive: true });
    } catch (error) {
      const isGone = error instanceof Deno.errors.NotFound; // all of it, or what was in it
      if (isGone && !existsSync(path)) return;
      const isBusy = isGone || systemError(error)?.name === "ENOTEMPTY";
      if (!isBusy || tries === mostTries) throw error;
    }
  }
}

/** Removes what a later run would remove as well: on a full or read-only disk even that may fail. */
export function removeQuietly(path: string): void {
  try {
    removeTree(path);
  } catch { /* later */ }
}
