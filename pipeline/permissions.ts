/**
 * What the process of an instance may touch: what its declaration says, and nothing else.
 *
 * Confined: reading its inputs, outside files, outputs, checkpoints and scratch folder; writing the last three; the file that
 * children lock, and the module of the watchdog. `TMPDIR` names the scratch folder, which goes with the process, and is all
 * that can be read of the environment. Code is imported statically, which needs no permission, but a worker thread reads its
 * modules with the permissions of its process: the bundles of the code name these files. No programs, system information or
 * foreign functions. No network, except for stages that fetch (`access`): these may reach any host, as hubs redirect to hosts
 * of their own choice, read the variables that they name and use the folder of fetched files.
 *
 * Not confined: stages with native code (`isNative`). A native library makes system calls of its own that no runtime
 * sees, and loading one (`--allow-ffi`) is leave to do anything. Their processes get all permissions, and a test compares
 * the record that Deno makes of their file accesses (`DENO_AUDIT_PERMISSIONS`) with their declaration.
 */
import { fileURLToPath } from "node:url";
import type { ChildRequest } from "./protocol.ts";

/** The paths that an instance is given. */
interface GivenPaths {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** Flags of `deno run` for a child. */
export function permissionFlags(request: ChildRequest, isNative: boolean): string[] {
  if (isNative) return ["-A"];
  const { read, write } = givenPaths(request);
  return [
    ...read.map((path) => `--allow-read=${withoutComma(path)}`),
    `--allow-env=${["TMPDIR", ...request.access?.environment ?? []].join()}`,
    ...(request.access === undefined ? [] : ["--allow-net"]),
    ...write.map((path) => `--allow-write=${withoutComma(path)}`),
  ];
}

/** What a request declares, each path once, in a stated order. What may be written may be read. */
export function givenPaths(request: ChildRequest): GivenPaths {
  const write = [
    ...Object.values(request.outputs),
    request.checkpointFolder,
    request.scratch,
    request.lock,
    ...request.access?.folders ?? [],
    ...(request.faults?.trace === undefined ? [] : [request.faults.trace]),
  ];
  const read = [
    ...Object.values(request.inputs),
    ...Object.values(request.files),
    ...request.threadFiles,
    fileURLToPath(import.meta.resolve("./watchdog.ts")),
    ...write,
  ];
  return { read: [...new Set(read)], write: [...new Set(write)] };
}

/** Deno separates paths by commas and has no escape: a path with one is widened to the nearest folder without. */
function withoutComma(path: string): string {
  while (path.includes(",")) path = path.slice(0, Math.max(path.lastIndexOf("/"), 1));
  return path;
}
