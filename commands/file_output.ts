/**
 * Where a command writes: standard output, or a file that gets its name when it is complete.
 */
import { mkdirSync, rmSync } from "node:fs";
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
  const part = isReplaced ? `${target}.${crypto.randomUUID().slice(0, 8)}.part` : path;
  const file = create(part, path);
  const name = `"${path}"`;
  let isWhole = false;
  const stops = Object.entries(signalCodes).map(([signal, code]) =>
    [signal as StopSignal, () => {
      Deno.removeSync(part);
      Deno.exit(code);
    }] as const
  );
  if (!isReplaced) {
    return {
      writeSync: (bytes) => attempt(name, () => file.writeSync(bytes)),
      finish: () => {},
      [Symbol.dispose]: () => file.close(),
    };
  }
  for (const [signal, stop] of stops) Deno.addSignalListener(signal, stop);
  return {
    path: part,
    writeSync: (bytes) => attempt(name, () => file.writeSync(bytes)),
    finish() {
      attempt(name, () => {
        file.syncSync();
        Deno.renameSync(part, target);
      });
      isWhole = true;
    },
    [Symbol.dispose]() {
      for (const [signal, stop] of stops) Deno.removeSignalListener(signal, stop);
      file.close();
      if (!isWhole) Deno.removeSync(part);
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

function create(part: string, path: string): Deno.FsFile {
  try {
    return Deno.openSync(part, { write: true, create: true, truncate: true });
  } catch (cause) {
    const found = systemError(cause)?.found ?? messageOf(cause);
    throw new UsageError(`Cannot write "${path}": expected a place for a file, found ${found}`, {
      cause,
    });
  }
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
    const made = mkdirSync(path, { recursive: true });
    try {
      Deno.removeSync(Deno.makeTempFileSync({ dir: path }));
    } finally {
      if (made !== undefined) rmSync(made, { recursive: true });
    }
  } catch (cause) {
    const found = systemError(cause)?.found ?? messageOf(cause);
    throw new UsageError(`Cannot write to "${path}": expected a folder for files, found ${found}`, {
      cause,
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
