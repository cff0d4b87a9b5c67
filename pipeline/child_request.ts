/**
 * What a child is asked to do, from what is planned and where it lies.
 */
import { faultsOfEnvironment } from "./faults.ts";
import type { Instance } from "./instances.ts";
import type { ActionRecord } from "./key.ts";
import type { ChildRequest } from "./protocol.ts";
import type { Store } from "./store.ts";
import { childrenLockPath } from "./store_lock.ts";

/** No output has a point in its name. */
const [scratchName, programName] = ["scratch.tmp", "program.tmp"];

interface RequestedWork {
  readonly key: string;
  readonly record: ActionRecord;
  /** A folder that has those of `temporaryFolders`. */
  readonly temporary: string;
  readonly store: Store;
}

/** The folders that an instance has while it runs: one for each output, one for what its program is started with, one for its temporary files. */
export function temporaryFolders({ declaration: { outputs } }: Instance): readonly string[] {
  return [...outputs, scratchName, programName];
}

/** The request of an instance whose inputs are all made. */
export function requestOf(
  instance: Instance,
  { key, record, temporary, store }: RequestedWork,
): ChildRequest {
  const { hints, hintModules, files, outputs, uses, access } = instance.declaration;
  const inputs = [...instance.inputs.keys()]
    .map((name) => [name, store.objectFolder(record.inputs[name])] as const);
  return {
    runner: Deno.pid,
    lock: childrenLockPath(store.folder),
    instance: instance.id,
    record,
    hints,
    inputs: Object.fromEntries(inputs),
    files,
    outputs: Object.fromEntries(outputs.map((output) => [output, `${temporary}/${output}`])),
    checkpointFolder: store.checkpointFolder(key),
    modules: { ...uses, ...hintModules },
    program: `${temporary}/${programName}`,
    access,
    scratch: `${temporary}/${scratchName}`,
    store: store.folder,
    faults: faultsOfEnvironment(),
  };
}
