/**
 * What the process of an instance may touch: what its declaration says, and nothing else.
 *
 * Confined: reading its program, inputs, outside files, outputs, checkpoints and scratch folder; writing the last three; the
 * file that children lock, or the folder in which a job tells how it goes. `TMPDIR` names the scratch folder, which goes with the process, and is all that can be read of the
 * environment. No programs, system information, foreign functions or code from elsewhere. No network, except for stages that
 * fetch (`access`): these may reach any host, as hubs redirect to hosts of their own choice, read the variables and files that
 * they name, and use the folders that they share.
 *
 * A process that runs one instance after the other (`executors/shared_processes.ts`) has the same permissions but for `TMPDIR`, each
 * time those of the instance at work: `executors/permission_broker.ts` gives them.
 *
 * Not confined: stages with native code (`isNative`). A native library makes system calls of its own that no runtime
 * sees, and loading one (`--allow-ffi`) is leave to do anything. Their processes get all permissions, and a test compares
 * the record that Deno makes of their file accesses (`DENO_AUDIT_PERMISSIONS`) with their declaration.
 */
import type { ChildRequest } from "./protocol.ts";

/** The paths that an instance is given. */
export interface GivenPaths {
  readonly read: readonly string[];
  readonly write: readonly string[];
}

/** The permissions of a child, as `deno.json` has them: there, unlike in a flag, a path may have a comma. */
export function permissionsOf(request: ChildRequest): object {
  return {
    ...givenPaths(request),
    env: ["TMPDIR", ...request.access?.environment ?? []],
    net: request.access !== undefined,
    import: false,
    run: false,
    ffi: false,
    sys: false,
  };
}

/** What a request declares, each path once, in a stated order. What may be written may be read. */
export function givenPaths(request: ChildRequest): GivenPaths {
  const write = [
    ...Object.values(request.outputs),
    request.checkpointFolder,
    request.scratch,
    ...(request.lock === undefined ? [] : [request.lock]),
    ...(request.reports === undefined ? [] : [request.reports]),
    ...request.access?.folders ?? [],
    ...(request.faults?.trace === undefined ? [] : [request.faults.trace]),
  ];
  const read = [
    ...Object.values(request.inputs),
    ...Object.values(request.files),
    request.program,
    ...request.access?.files ?? [],
    ...write,
  ];
  return { read: [...new Set(read)], write: [...new Set(write)] };
}
