/**
 * How the log of an action ends: what it said last, and whether its last run is over.
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";

export interface LogEnd {
  readonly lastLine: string;
  readonly hasEnded: boolean;
}

/** Longer lines are cut. */
const readBytes = 4096;

/** Reads the end of a log; undefined if there is none. */
export function endOfLog(path: string): LogEnd | undefined {
  let file: number;
  try {
    file = openSync(path, "r");
  } catch {
    return undefined;
  }
  try {
    const { size } = fstatSync(file);
    const bytes = new Uint8Array(Math.min(size, readBytes));
    readSync(file, bytes, 0, bytes.length, size - bytes.length);
    const text = new TextDecoder().decode(bytes);
    return {
      lastLine: text.trimEnd().split("\n").at(-1)!.slice(0, 200),
      hasEnded: hasEnded(text),
    };
  } finally {
    closeSync(file);
  }
}

/** Whether the last run in a log has ended: the runner's own last line says how. */
export function hasEnded(text: string): boolean {
  return /\n-- (done|failed|stopped)\n$/.test(text);
}
