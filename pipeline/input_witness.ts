/**
 * Whether what a process reads stayed, all the while, what its key says: files from outside the store, and objects of the store.
 *
 * They may be large, so the proof is their stat record (see `file_digests.ts`): an edit that was undone shows in it too, as
 * no program can set the time of a file's last change (ctime). A record proves something when that time has passed, in its
 * whole seconds; a younger file is waited for.
 */
import { StageError } from "../base/mod.ts";
import { type FileDigests, type FileState, unsettledMs } from "./file_digests.ts";
import type { Instance } from "./instances.ts";
import type { ActionRecord } from "./key.ts";
import type { ObjectCheck } from "./object_check.ts";
import type { InstanceId } from "./stage.ts";

/** A time in the future (of a clock that was set back, or of another machine) is not waited for. */
const longestWaitMs = 2500;

interface WitnessedFile {
  readonly path: string;
  /** What the key says. */
  readonly digest: string;
  readonly state: FileState;
}

interface WitnessOptions {
  readonly digests: FileDigests;
  readonly objects: ObjectCheck;
  /** Path and digest of each outside file, as planned. */
  readonly files: readonly (readonly [path: string, digest: string])[];
  /** Who made each object that is read; all were found whole. */
  readonly makers: ReadonlyMap<string, InstanceId>;
}

/** An instance's inputs, from before its process reads them until its result is kept. */
export class InputWitness {
  readonly #files: readonly WitnessedFile[];
  readonly #digests: FileDigests;
  readonly #objects: ObjectCheck;
  /** Who made each object. */
  readonly #makers: ReadonlyMap<string, InstanceId>;

  private constructor(
    files: readonly WitnessedFile[],
    { digests, objects, makers }: WitnessOptions,
  ) {
    this.#files = files;
    this.#digests = digests;
    this.#objects = objects;
    this.#makers = makers;
  }

  /** @throws StageError when a file is no longer what was planned. */
  static async of(options: WitnessOptions): Promise<InputWitness> {
    const { digests, files } = options;
    const wait = Math.max(0, ...files.map(([path]) => unsettledMs(path)));
    if (wait > 0) await new Promise((done) => setTimeout(done, Math.min(wait, longestWaitMs)));
    const witnessed = files.map(([path, digest]) => {
      const state = stateOf(digests, path);
      if (state?.digest === digest) return { path, digest, state };
      throw new StageError(
        `Cannot read "${path}": expected digest ${digest}, as when the run was planned, ` +
          `found ${state?.digest ?? "no file"}; run again`,
      );
    });
    return new InputWitness(witnessed, options);
  }

  /** What tells the states of the files from all others. */
  get fileNotes(): string {
    return this.#files.map(({ state }) => `${state.stat}\n`).join("");
  }

  /** What has changed since, as part of a sentence; undefined if nothing has. */
  change(): string | undefined {
    for (const { path, digest, state } of this.#files) {
      const now = stateOf(this.#digests, path);
      if (now?.stat === state.stat && now.digest === digest) continue;
      const found = now === undefined
        ? "no file"
        : now.digest === digest
        ? "that it was written meanwhile, though its digest is the same again"
        : `digest ${now.digest}`;
      return `expected digest ${digest} of "${path}" all the while it was read, found ${found}`;
    }
    const object = [...this.#makers.keys()].find((digest) => this.#objects.hasChanged(digest));
    if (object === undefined) return undefined;
    return `expected that what ${this.#makers.get(object)} made stays as it is while it is read, ` +
      `found object ${object} written meanwhile`;
  }
}

/** Who made each object that an instance reads. */
export function makersOf(
  inputs: Instance["inputs"],
  record: ActionRecord,
): ReadonlyMap<string, InstanceId> {
  return new Map([...inputs].map(([name, { from }]) => [record.inputs[name], from]));
}

function stateOf(digests: FileDigests, path: string): FileState | undefined {
  try {
    return digests.now(path);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}
