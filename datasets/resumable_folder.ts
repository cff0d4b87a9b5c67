/**
 * Files that grow in a folder which outlives a kill, and a record of how far they are known to be on disk.
 *
 *   <checkpoint folder>/
 *     <name>.json   the record, replaced as a whole after the files were synced
 *     <name>.tmp/   the files; their writers drop what they hold after the record
 */
import { join } from "node:path";
import { writeFileAtomic } from "../base/mod.ts";

export interface ResumableFolder<State> {
  /** Where the files are. */
  readonly folder: string;
  /** The record of a process that was stopped; undefined when there is none, or files are shorter than it says. */
  readonly state: State | undefined;
  /** Keeps a record; call it when what it tells of is on disk. */
  save(state: State): void;
  /** Drops all files. */
  clear(): void;
  /** Puts finished files into another folder too: a kill after that finds them here still. */
  publish(to: string, files: readonly string[]): void;
}

/**
 * Opens the folder, which is empty when there is no record.
 * @param sizes bytes that a file must at least have, by its name
 */
export function resumableFolder<State>(
  checkpointFolder: string,
  name: string,
  sizes: Readonly<Record<string, (state: State) => number>>,
): ResumableFolder<State> {
  const folder = join(checkpointFolder, `${name}.tmp`);
  const recordPath = join(checkpointFolder, `${name}.json`);
  Deno.mkdirSync(folder, { recursive: true });
  const clear = () => {
    for (const entry of [...Deno.readDirSync(folder)]) {
      Deno.removeSync(join(folder, entry.name), { recursive: true });
    }
  };
  const state = readRecord(recordPath, folder, sizes);
  if (state === undefined) clear();
  return {
    folder,
    state,
    clear,
    save: (state) => writeFileAtomic(recordPath, JSON.stringify({ format: 1, state })),
    publish(to, files) {
      for (const file of files) link(join(folder, file), join(to, file));
    },
  };
}

function readRecord<State>(
  path: string,
  folder: string,
  sizes: Readonly<Record<string, (state: State) => number>>,
): State | undefined {
  try {
    const { format, state } = JSON.parse(Deno.readTextFileSync(path));
    const isThere = Object.entries(sizes).every(([file, size]) =>
      Deno.statSync(join(folder, file)).size >= size(state)
    );
    return format === 1 && isThere ? state : undefined;
  } catch {
    return undefined; // none, or damaged: the work starts again
  }
}

/** A second name for the file, or a copy where file systems differ or have no such names. */
function link(from: string, to: string): void {
  try {
    Deno.linkSync(from, to);
  } catch {
    Deno.copyFileSync(from, to);
  }
}
