/**
 * What the process of an instance is started with: its program in a folder, its permissions, its environment.
 */
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { programsFolder } from "../made_programs.ts";
import { permissionsOf } from "../permissions.ts";
import { mainFile } from "../program.ts";
import { changedFile, type Program, programFolder } from "../program_folder.ts";
import type { ChildRequest } from "../protocol.ts";
import type { ChildOutcome } from "./executor.ts";

const permissionSet = "child";

/** By these, native libraries choose how they compute: with other threads, kernels or bits than a key says. Parts of an expression. */
export const numericVariables = "NVIDIA_TF32_OVERRIDE|(CUBLAS|OMP|MKL|OPENBLAS|ORT)_.*|" +
  "TF_(ENABLE_ONEDNN_OPTS|DETERMINISTIC_OPS|CUDNN_DETERMINISTIC|NUM_INTRAOP_THREADS|NUM_INTEROP_THREADS)";

/** What the process of an instance is given of the environment. */
export function childEnvironment(
  variables: Readonly<Record<string, string>>,
): Record<string, string> {
  const isNumeric = new RegExp(`^(${numericVariables})$`);
  return Object.fromEntries(Object.entries(variables).filter(([name]) => !isNumeric.test(name)));
}

/** A program in its place. */
interface Prepared {
  /** With the places of its code. */
  readonly request: ChildRequest;
  /** Of `deno`, to run it. */
  readonly args: readonly string[];
}

/** Lays out what a child runs. The request names a folder for what is its own. */
export function prepare(program: Program, asked: ChildRequest, isNative: boolean): Prepared {
  const request = placed(program, asked);
  return { request, args: ownArguments(request, asked.program, isNative) };
}

/** Lays out a program. Returns the request with the places of its code. */
export function placed(program: Program, asked: ChildRequest): ChildRequest {
  const cache = programsFolder(join(asked.store, "cache"));
  const folder = programFolder(program, cache, join(asked.program, "code"));
  const modules = Object.entries(program.modules)
    .map(([role, name]) => [role, pathToFileURL(join(folder, name)).href]);
  return { ...asked, program: folder, modules: Object.fromEntries(modules) };
}

/** For a process of one instance, with its permissions. @param own A folder of this instance */
export function ownArguments(
  request: ChildRequest,
  own: string,
  isNative: boolean,
): readonly string[] {
  const folder = request.program;
  if (isNative) return denoArguments(folder, join(folder, "deno.json"), "-A");
  // The permissions are those of this instance, not of its program.
  const permissions = { [permissionSet]: permissionsOf(request) };
  const settings = JSON.parse(Deno.readTextFileSync(join(folder, "deno.json")));
  const lock = { path: join(folder, "deno.lock") };
  const config = join(own, "deno.json");
  Deno.writeTextFileSync(config, JSON.stringify({ ...settings, lock, permissions }));
  return denoArguments(folder, config, `-P=${permissionSet}`);
}

/** For a process of several instances, without permissions: it asks a broker. */
export function sharedArguments({ program: folder }: ChildRequest): readonly string[] {
  return denoArguments(folder, join(folder, "deno.json"));
}

function denoArguments(folder: string, config: string, ...options: string[]): readonly string[] {
  return [
    "run",
    ...options,
    "--quiet",
    "--no-prompt",
    "--no-remote", // some hosts of code may be imported from without a permission
    "--config",
    config,
    join(folder, mainFile),
  ];
}

/** What a child has made, unless its program was changed while it ran. */
export function whole(
  made: Extract<ChildOutcome, { type: "done" }>,
  program: Program,
  { instance, program: folder }: ChildRequest,
): ChildOutcome {
  const changed = changedFile(program, folder);
  if (changed === undefined) return made;
  const message = `Cannot keep what ${instance} made: expected its program to stay as it is, ` +
    `found "${join(folder, changed)}" written meanwhile; run again`;
  return { type: "failed", message, isExpected: true };
}
