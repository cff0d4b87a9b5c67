/**
 * The checkpoints of a run: a file each, written beside its place and then renamed, so that a kill at any instant leaves whole
 * ones only. It holds the state's plain data and names the files of its tensors, which are on the disk before it is.
 */
import { join } from "node:path";
import {
  canonicalJson,
  type Log,
  readTextIfThere,
  sha256,
  StageError,
  syncFolder,
  writeFileAtomic,
} from "../base/mod.ts";
import { type Checkpoint, type Group, isObject, isStored, type JsonObject } from "./checkpoint.ts";
import { TensorFiles } from "./tensor_files.ts";

const fileName = /^checkpoint-(\d{6,})$/;
const kept = 2;
/** In the folder of the checkpoints; the runner does not take it for one of them. */
const partsFolder = ".parts";

/** What a checkpoint's file holds, behind a line with the SHA-256 of it. */
type Written = {
  readonly state: JsonObject;
  /** Digests of tensors by group: of those that were in memory, and of those that were not. */
  readonly held: { readonly [group: string]: string };
  readonly stored: { readonly [group: string]: string };
};

/** Writes numbered checkpoints into a folder and keeps the last two, with the tensors that they name. */
export class CheckpointStore {
  readonly folder: string;
  readonly files: TensorFiles;
  readonly #log: Log | undefined;
  #number: number;

  /** @param log Told of checkpoints that are damaged. */
  constructor(folder: string, log?: Log) {
    this.folder = folder;
    this.#log = log;
    this.files = new TensorFiles(join(folder, partsFolder));
    for (const { name } of [...Deno.readDirSync(folder)]) {
      // A killed writer has left it.
      if (name.endsWith(".tmp")) Deno.removeSync(join(folder, name), { recursive: true });
    }
    this.#number = this.#numbers().at(-1) ?? 0;
    this.#sweep();
  }

  /**
   * What `use` makes of the newest whole checkpoint, or undefined when there is none. A newer one that is damaged, or that `use` refuses
   * with a StageError, is passed over with a warning. Groups that were in a file when it was written stay there.
   */
  latest<T = Checkpoint<JsonObject, Group>>(
    use = (checkpoint: Checkpoint<JsonObject, Group>) => checkpoint as T,
  ): T | undefined {
    for (const number of this.#numbers().reverse()) {
      try {
        return use(this.#read(number));
      } catch (error) {
        if (!(error instanceof StageError)) throw error;
        this.#log?.warn(`${error.message}; going on from the one before`);
      }
    }
    return undefined;
  }

  write({ groups, state }: Checkpoint<JsonObject, Group>): void {
    const digests = (isWanted: (group: Group) => boolean) =>
      Object.fromEntries(
        Object.entries(groups).filter(([, group]) => isWanted(group))
          .map(([name, group]) => [name, this.files.put(group).digest]),
      );
    const written: Written = {
      state,
      held: digests((group) => !isStored(group)),
      stored: digests(isStored),
    };
    this.files.sync();
    const text = canonicalJson(written);
    writeFileAtomic(this.#pathOf(++this.#number), `${sha256(text)}\n${text}\n`);
    syncFolder(this.folder);
    for (const number of this.#numbers().slice(0, -kept)) Deno.removeSync(this.#pathOf(number));
    this.#sweep();
  }

  #read(number: number): Checkpoint<JsonObject, Group> {
    const { state, held, stored } = this.#parse(number);
    const groups: Record<string, Group> = {};
    try {
      for (const [name, digest] of Object.entries(held)) groups[name] = this.files.load(digest);
      for (const [name, digest] of Object.entries(stored)) groups[name] = this.files.open(digest);
    } catch (cause) {
      throw cause instanceof StageError ? unreadable(number, cause.message, cause) : cause;
    }
    return { groups, state };
  }

  #parse(number: number): Written {
    const [digest, text, end] = (readTextIfThere(this.#pathOf(number)) ?? "").split("\n");
    if (text === undefined || end !== "" || sha256(text) !== digest) {
      throw unreadable(number, "expected what was written, found other bytes");
    }
    const written: unknown = JSON.parse(text);
    if (isWritten(written)) return written;
    throw unreadable(number, "expected state and tensors, found other data");
  }

  /** Removes the tensors that no checkpoint names, not those of a damaged one either. */
  #sweep(): void {
    const named = this.#numbers().flatMap((number) => {
      try {
        const { held, stored } = this.#parse(number);
        return [...Object.values(held), ...Object.values(stored)];
      } catch (error) {
        if (!(error instanceof StageError)) throw error;
        return [];
      }
    });
    this.files.keepOnly(new Set(named));
  }

  /** Ascending. */
  #numbers(): number[] {
    const names = [...Deno.readDirSync(this.folder)].map(({ name }) => fileName.exec(name)?.[1]);
    return names.filter((text) => text !== undefined).map(Number).sort((a, b) => a - b);
  }

  #pathOf(number: number): string {
    return join(this.folder, nameOf(number));
  }
}

function isWritten(value: unknown): value is Written {
  if (!isObject(value) || !isObject(value.state)) return false;
  return [value.held, value.stored].every((digests) =>
    isObject(digests) && Object.values(digests).every((digest) => typeof digest === "string")
  );
}

function unreadable(number: number, what: string, cause?: Error): StageError {
  return new StageError(`Cannot read checkpoint "${nameOf(number)}": ${what}`, { cause });
}

function nameOf(number: number): string {
  return `checkpoint-${String(number).padStart(6, "0")}`;
}
