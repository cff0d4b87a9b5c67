/**
 * Where a command writes: standard output, or a file that gets its name when it is complete.
 */
import { rmSync } from "node:fs";
import { dirname, resolve } from "node:path";
import { messageOf, systemError, UsageError } from "../base/mod.ts";
import { OutputError } from "./screen.ts";
import { signalCodes, type StopSignal } from "./stop_signals.ts";

interface Output extends Disposable {
  /** The file under the name that it has before it is complete; undefined for standard output and devices. */
  readonly path?: string;
  writeSync(bytes: Uint8Array): number;
  /** Everything is written: the file gets its name. If this is not called, disposing removes the file. */
  finish(): void;
}

/** @param isBinary Bytes that no terminal can show. @throws UsageError for a path where no file can be */
export function openOutput(path: string | undefined, isBinary = false): Output {
  if (path === undefined) {
    if (isBinary && Deno.stdout.isTerminal()) {
      throw new UsageError(
        "Cannot write bytes to a terminal: expected a file (-o FILE) or a pipe, found a terminal",
      );
    }
    return {
      writeSync: (bytes) => attempt("to standard output", () => Deno.stdout.writeSync(bytes)),
      finish: () => {},
      [Symbol.dispose]: () => {},
    };
  }
  checkFolder(dirname(path));
  const there = isThere(path);
  if (there?.isDirectory) {
    throw new UsageError(`Cannot write "${path}": expected a place for a file, found a folder`);
  }
  // A device or a pipe is written to, never replaced: a file would take the place of `/dev/null`.
  const isReplaced = there === undefined || there.isFile;
  const target = there?.isFile ? Deno.realPathSync(path) : path; // a link stays one
  const name = `"${path}"`;
  if (!isReplaced) {
    const file = create(path, path);
    return {
      writeSync: (bytes) => attempt(name, () => file.writeSync(bytes)),
      finish: () => {},
      [Symbol.dispose]: () => file.close(),
    };
  }
  // One name, so that what a killed command left is replaced by the next one.
  const part = `${target}.part`;
  const file = create(part, path, true);
  let isWhole = false;
  const remove = () => {
    if (isAt(part, file)) Deno.removeSync(part);
  };
  const stops = Object.entries(signalCodes).map(([signal, code]) =>
    [signal as StopSignal, () => {
      remove();
      Deno.exit(code);
    }] as const
  );
  for (const [signal, stop] of stops) Deno.addSignalListener(signal, stop);
  return {
    path: part,
    writeSync: (bytes) => attempt(name, () => file.writeSync(bytes)),
    finish() {
      if (!isAt(part, file)) {
        throw new OutputError(
          `Cannot write ${name}: expected to be its only writer, found another command; run this one again`,
        );
      }
      attempt(name, () => {
        file.syncSync();
        Deno.renameSync(part, target);
      });
      isWhole = true;
    },
    [Symbol.dispose]() {
      for (const [signal, stop] of stops) Deno.removeSignalListener(signal, stop);
      if (!isWhole) remove();
      file.close();
    },
  };
}

/** @throws OutputError that names the output; BrokenPipe as it is: nobody reads any more */
function attempt<Result>(name: string, act: () => Result): Result {
  try {
    return act();
  } catch (cause) {
    if (cause instanceof Deno.errors.BrokenPipe) throw cause;
    const found = systemError(cause)?.found ?? messageOf(cause);
    throw new OutputError(`Cannot write ${name}: expected room on its disk, found ${found}`, {
      cause,
    });
  }
}

/** @param isNew Whether a file that has this name is replaced by another; without it, it is written to. */
function create(part: string, path: string, isNew = false): Deno.FsFile {
  try {
    if (isNew) rmSync(part, { force: true });
    return Deno.openSync(part, { write: true, create: true, createNew: isNew, truncate: !isNew });
  } catch (cause) {
    const found = systemError(cause)?.found ?? messageOf(cause);
    throw new UsageError(`Cannot write "${path}": expected a place for a file, found ${found}`, {
      cause,
    });
  }
}

/** Whether a name is that of an open file, and not of one that took its place. */
function isAt(path: string, file: Deno.FsFile): boolean {
  const [there, own] = [isThere(path), file.statSync()];
  return there !== undefined && there.ino === own.ino && there.dev === own.dev;
}

/** Whether the output appears on the terminal. */
export function isOnTerminal(path: string | undefined): boolean {
  return path === undefined && Deno.stdout.isTerminal();
}

/** @throws UsageError if there is no such folder, and with `mayBeMade` only if it cannot be made either */
function checkFolder(path: string, mayBeMade = false): void {
  for (let at = resolve(path);; at = dirname(at)) {
    const found = isThere(at);
    if (found?.isDirectory) return;
    if (found === undefined && mayBeMade && at !== dirname(at)) continue;
    throw new UsageError(
      `Cannot write to "${path}": expected a folder, found ${
        found === undefined ? "nothing there" : `a file at "${at}"`
      }`,
    );
  }
}

/**
 * Checks before long work that files can be written in a folder, which may be missing yet. Leaves nothing behind.
 * @throws UsageError if they cannot
 */
export function checkFolderToFill(path: string): void {
  checkFolder(path, true);
  try {
    let at = resolve(path); // the folder in which it would be made: other commands may make it meanwhile
    while (isThere(at) === undefined) at = dirname(at);
    Deno.removeSync(Deno.makeTempFileSync({ dir: at }));
  } catch (cause) {
    const found = systemError(cause)?.found ?? messageOf(cause);
    throw new UsageError(`Cannot write to "${path}": expected a folder for files, found ${found}`, {
      cause,
    });
  }
}

/** Fills a folder, which is made if it is missing, and is gone again if that fails. @throws OutputError that names it */
export function fillFolder(path: string, fill: () => void): void {
  const isNew = isThere(path) === undefined;
  try {
    Deno.mkdirSync(path, { recursive: true });
    fill();
  } catch (error) {
    if (isNew) rmSync(path, { recursive: true, force: true });
    if (systemError(error) === undefined) throw error;
    attempt(`"${path}"`, () => {
      throw error;
    });
  }
}

function isThere(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    const refused = systemError(error);
    if (refused === undefined) throw error;
    if (refused.name === "ENOENT" || refused.name === "ENOTDIR") return undefined;
    throw new UsageError(
      `Cannot write "${path}": expected a place for a file, found ${refused.found}`,
      {
        cause: error,
      },
    );
  }
}
