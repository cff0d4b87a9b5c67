/**
 * Where a command writes: standard output, or a file that gets its name when it is complete.
 */
import { dirname, resolve } from "node:path";
import { messageOf, UsageError } from "../base/mod.ts";

interface Output extends Disposable {
  /** The file under the name that it has before it is complete; undefined for standard output. */
  readonly path?: string;
  writeSync(bytes: Uint8Array): number;
  /** Everything is written: the file gets its name. If this is not called, disposing removes the file. */
  finish(): void;
}

const signals = { SIGINT: 130, SIGTERM: 143 } as const;

/** @throws UsageError for a path where no file can be */
export function openOutput(path: string | undefined): Output {
  if (path === undefined) {
    return {
      writeSync: (bytes) => Deno.stdout.writeSync(bytes),
      finish: () => {},
      [Symbol.dispose]: () => {},
    };
  }
  checkFolder(dirname(path));
  if (isThere(path)?.isDirectory) {
    throw new UsageError(`Cannot write "${path}": expected a place for a file, found a folder`);
  }
  const part = `${path}.part`;
  const file = create(part, path);
  let isWhole = false;
  const stops = Object.entries(signals).map(([signal, code]) =>
    [signal as keyof typeof signals, () => {
      Deno.removeSync(part);
      Deno.exit(code);
    }] as const
  );
  for (const [signal, stop] of stops) Deno.addSignalListener(signal, stop);
  return {
    path: part,
    writeSync: (bytes) => file.writeSync(bytes),
    finish: () => isWhole = true,
    [Symbol.dispose]() {
      for (const [signal, stop] of stops) Deno.removeSignalListener(signal, stop);
      file.close();
      if (isWhole) Deno.renameSync(part, path);
      else Deno.removeSync(part);
    },
  };
}

function create(part: string, path: string): Deno.FsFile {
  try {
    return Deno.openSync(part, { write: true, create: true, truncate: true });
  } catch (cause) {
    throw new UsageError(
      `Cannot write "${path}": expected a place for a file, found "${messageOf(cause)}"`,
      { cause },
    );
  }
}

/** Whether the output appears on the terminal. */
export function isOnTerminal(path: string | undefined): boolean {
  return path === undefined && Deno.stdout.isTerminal();
}

/** @throws UsageError if there is no such folder, and with `mayBeMade` only if it cannot be made either */
export function checkFolder(path: string, mayBeMade = false): void {
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

function isThere(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    const isMissing = error instanceof Deno.errors.NotFound ||
      error instanceof Deno.errors.NotADirectory;
    if (isMissing) return undefined;
    throw error;
  }
}
