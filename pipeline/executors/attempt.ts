/**
 * One attempt of a job to run an instance: a folder of the store, `tmp/<key>-<id>-<attempt>/`, where no other attempt writes.
 *
 *     <output>/…            what it makes
 *     program.tmp/          what its program is started with
 *     reports/              what it reads and tells, see `job_reports.ts`
 *     checkpoints/<key>/    the checkpoints of the action, while this attempt works on it
 *     job.sh   output       the job's script, and what it prints
 */
import { dirname, join } from "node:path";
import { removeTree, shellWord, writeFileSynced } from "../../base/mod.ts";
import type { Program } from "../program_folder.ts";
import type { ChildRequest } from "../protocol.ts";
import type { ChildWork } from "./executor.ts";
import { reportNames } from "./job_reports.ts";
import { numericVariables, prepare } from "./prepared_program.ts";

/** What a script begins with, and where. */
interface Node {
  /** The path of Deno there. */
  readonly deno: string;
  /** A folder of its own disk. */
  readonly scratch: string;
}

/** An attempt that can be submitted. */
interface LaidOut {
  readonly script: string;
  readonly output: string;
  /** Its request, with the folder of its program. */
  readonly request: ChildRequest;
}

/** Makes the folder of an attempt with empty folders, of those names that another one has, and one for checkpoints. */
export function makeFolders(folder: string, like: string): void {
  removeTree(folder); // a runner was killed while it made it
  for (const { name } of Deno.readDirSync(like)) {
    Deno.mkdirSync(join(folder, name), { recursive: true });
  }
  Deno.mkdirSync(join(folder, "checkpoints"));
}

/** Makes the folder of an attempt, but for the checkpoints. */
export function layOut(folder: string, work: ChildWork, program: Program, node: Node): LaidOut {
  makeFolders(folder, work.temporary);
  const reports = join(folder, "reports");
  Deno.mkdirSync(reports);
  const { key, temporary } = work;
  // It outlives the runner.
  const { runner: _, isBound: __, lock: ___, ...asked } = relocated(work.request, {
    from: temporary,
    to: folder,
    key,
  });
  const own = { ...asked, scratch: node.scratch, reports };
  const { request, args } = prepare(program, own, work.isNative);
  writeFileSynced(join(reports, reportNames.request), JSON.stringify(request));
  const script = join(folder, "job.sh");
  writeFileSynced(script, scriptOf(request, [node.deno, ...args, reports]));
  Deno.chmodSync(script, 0o755);
  return { script, output: join(folder, "output"), request };
}

/** A request whose paths are in the folder of an attempt. */
export function relocated(
  request: ChildRequest,
  { from, to, key }: { readonly from: string; readonly to: string; readonly key: string },
): ChildRequest {
  const moved = (path: string) => to + path.slice(from.length);
  const outputs = Object.entries(request.outputs).map(([name, path]) => [name, moved(path)]);
  return {
    ...request,
    outputs: Object.fromEntries(outputs),
    program: moved(request.program),
    scratch: moved(request.scratch),
    checkpointFolder: join(to, "checkpoints", key),
  };
}

/** The script of a job: it becomes the process of the instance, so that signals reach that. */
function scriptOf({ instance, scratch, reports }: ChildRequest, command: readonly string[]) {
  return `#!/bin/sh
# Runs one attempt of ${instance}.
sed '/^$/q' /proc/cpuinfo > ${shellWord(join(reports!, reportNames.processor))} 2> /dev/null
for name in $(env | sed -n -E 's/^(${
    numericVariables.replaceAll("_.*", "_[A-Za-z0-9_]*")
  })=.*/\\1/p'); do
  unset "$name"
done
mkdir -p ${shellWord(scratch)} || exit 1
TMPDIR=${shellWord(scratch)}
export TMPDIR
exec ${command.map(shellWord).join(" ")}
`;
}

/** Gives checkpoints another place, where nothing stands yet that is needed. */
export function moveCheckpoints(from: string, to: string): void {
  if (!isThere(from)) return;
  removeTree(to);
  Deno.mkdirSync(dirname(to), { recursive: true });
  Deno.renameSync(from, to);
}

/** How often checkpoints are copied before they count as too busy. */
const mostCopies = 5;

/**
 * Copies checkpoints that a job may still be writing, as they were at one moment. Where it writes without a break nothing is
 * copied but what says of which files they are, so that the action begins again.
 */
export function copyCheckpoints(from: string, to: string, notes: readonly string[]): void {
  for (let copies = 0; copies < mostCopies; copies++) {
    removeTree(to);
    Deno.mkdirSync(to, { recursive: true });
    const before = statesIn(from);
    try {
      copyTree(from, to, () => true);
      if (statesIn(from) === before) return;
    } catch (error) {
      if (!(error instanceof Deno.errors.NotFound)) throw error; // it was renamed or removed meanwhile
    }
  }
  removeTree(to);
  Deno.mkdirSync(to, { recursive: true });
  copyTree(from, to, (name) => notes.includes(name));
}

function copyTree(from: string, to: string, isWanted: (name: string) => boolean): void {
  for (const { name, isDirectory } of Deno.readDirSync(from)) {
    if (!isWanted(name)) continue;
    const [source, target] = [join(from, name), join(to, name)];
    if (isDirectory) {
      Deno.mkdirSync(target);
      copyTree(source, target, () => true);
    } else {
      const { atime, mtime } = Deno.statSync(source);
      Deno.copyFileSync(source, target);
      if (atime && mtime) Deno.utimeSync(target, atime, mtime);
    }
  }
}

/** What tells the files of a folder from what they are at any other time. */
function statesIn(folder: string): string {
  if (!isThere(folder)) return "";
  return [...Deno.readDirSync(folder)].map(({ name, isDirectory }) => {
    const path = join(folder, name);
    if (isDirectory) return `${name}/(${statesIn(path)})`;
    const { size, mtime, ino } = statIfThere(path) ?? {};
    return `${name} ${size} ${mtime?.getTime()} ${ino}`;
  }).sort().join("\n");
}

/** Whether something has a name. */
export function isThere(path: string): boolean {
  return statIfThere(path) !== undefined;
}

function statIfThere(path: string): Deno.FileInfo | undefined {
  try {
    return Deno.statSync(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
