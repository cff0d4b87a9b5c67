/**
 * What a participant keeps between its rounds and does not send: its own tables, Adam's state where it outlives a round, and where
 * its text goes on. Each state is named by a digest and never changed: a task that names an earlier one is trained from that.
 *
 *   <folder>/<digest>.json                     the position, and the digests of the tensors
 *   <folder>/tensors/<digest>.safetensors
 */
import { join } from "node:path";
import {
  canonicalJson,
  type Json,
  readTextIfThere,
  sha256,
  StageError,
  syncFile,
  syncFolder,
} from "../base/mod.ts";
import { type Group, isObject, type StoredTensors } from "./checkpoint.ts";
import type { OptimizerTensors } from "./optimizer_state.ts";
import { TensorFiles } from "./tensor_files.ts";

export type HeldState<Tensors extends Group = Group> = {
  /**
   * Its own `embedding.*`; absent where it has trained none. Where tables are shared, a whole one of a source that has joined and taken
   * part in no round.
   */
  readonly local?: Tensors;
  /** Adam's state that it goes on with; absent where a round begins with a new one. */
  readonly optimizer?: OptimizerTensors<Tensors>;
  /** Where its windows go on; absent: at their beginning. */
  readonly position?: Json;
};

/** The states of participants, by digest. */
export interface HeldStore {
  /** @throws StageError when there is none of this digest, or other bytes stand in its place. */
  read(digest: string): HeldState<StoredTensors>;
  /** Writes a state, which is on the disk after `sync`. Returns its digest. */
  put(state: HeldState): string;
  sync(): void;
}

/** The states of participants that keep them elsewhere: a leader knows digests only. */
export const heldElsewhere: HeldStore & Pick<HeldStates, "keepNamed"> = {
  read: () => ({}),
  put: () => {
    throw new StageError("Cannot keep the state of a source: expected its silo to keep it");
  },
  sync() {},
  keepNamed() {},
};

/** A file of a state: tensors by their digests. */
type Written = {
  readonly position: Json | null;
  readonly local: string | null;
  readonly optimizer: { readonly step: number; readonly moments: string } | null;
};

const suffix = ".json";

/** The states of a run whose sources are on this machine, in its folder of checkpoints; the runner takes it for none of them. */
export function heldFolder(checkpointFolder: string): string {
  return join(checkpointFolder, ".held");
}

/** States in a folder, which several processes may use at once. */
export class HeldStates implements HeldStore {
  readonly #folder: string;
  readonly #tensors: TensorFiles;
  /** Those that were written or read here. */
  readonly #known = new Map<string, HeldState<StoredTensors>>();
  readonly #unsynced = new Set<string>();
  /** What the last two checkpoints named, and what any has named and is still here. */
  #lastNamed: readonly ReadonlySet<string>[] = [];
  readonly #named = new Set<string>();

  constructor(folder: string) {
    this.#folder = folder;
    this.#tensors = new TensorFiles(join(folder, "tensors"));
  }

  put({ local, optimizer, position }: HeldState): string {
    const stored = {
      local: local && this.#tensors.put(local),
      optimizer: optimizer &&
        { step: optimizer.step, moments: this.#tensors.put(optimizer.moments) },
      position,
    };
    const written: Written = {
      position: position ?? null,
      local: stored.local?.digest ?? null,
      optimizer: stored.optimizer === undefined
        ? null
        : { step: stored.optimizer.step, moments: stored.optimizer.moments.digest },
    };
    const text = canonicalJson(written);
    const digest = sha256(text);
    if (!this.#known.has(digest)) {
      const temporary = join(this.#folder, `${crypto.randomUUID()}.tmp`);
      Deno.writeTextFileSync(temporary, text);
      Deno.renameSync(temporary, this.#pathOf(digest));
      this.#unsynced.add(digest);
    }
    this.#known.set(digest, stored);
    return digest;
  }

  read(digest: string): HeldState<StoredTensors> {
    const known = this.#known.get(digest);
    if (known !== undefined) return known;
    const { local, optimizer, position } = this.#parse(digest);
    const open = (tensors: string) => {
      try {
        return this.#tensors.open(tensors);
      } catch (cause) {
        throw cause instanceof StageError ? unreadable(digest, cause.message, cause) : cause;
      }
    };
    const state = {
      ...(local === null ? {} : { local: open(local) }),
      ...(optimizer === null
        ? {}
        : { optimizer: { step: optimizer.step, moments: open(optimizer.moments) } }),
      ...(position === null ? {} : { position }),
    };
    this.#known.set(digest, state);
    return state;
  }

  sync(): void {
    this.#tensors.sync();
    for (const digest of this.#unsynced) syncFile(this.#pathOf(digest));
    if (this.#unsynced.size > 0) syncFolder(this.#folder);
    this.#unsynced.clear();
  }

  /**
   * Tells what a checkpoint names. Of what earlier ones named, all goes that neither this one nor the one before it names; what none
   * has named stays, for it may be the answer that comes next.
   */
  keepNamed(digests: ReadonlySet<string>): void {
    this.#lastNamed = [...this.#lastNamed, digests].slice(-2);
    digests.forEach((digest) => this.#named.add(digest));
    if (this.#lastNamed.length < 2) return;
    const gone = [...this.#named].filter((digest) =>
      !this.#lastNamed.some((kept) => kept.has(digest))
    );
    if (gone.length === 0) return;
    const freed = new Set(gone.flatMap((digest) => tensorsOf(this.#parse(digest))));
    for (const digest of gone) {
      Deno.removeSync(this.#pathOf(digest));
      this.#known.delete(digest);
      this.#unsynced.delete(digest);
      this.#named.delete(digest);
    }
    for (const { name } of Deno.readDirSync(this.#folder)) {
      if (!name.endsWith(suffix)) continue;
      const written = this.#parse(name.slice(0, -suffix.length));
      tensorsOf(written).forEach((tensors) => freed.delete(tensors));
    }
    freed.forEach((tensors) => this.#tensors.remove(tensors));
  }

  #parse(digest: string): Written {
    const text = readTextIfThere(this.#pathOf(digest));
    if (text === undefined) throw unreadable(digest, "expected it, found none");
    if (sha256(text) !== digest) {
      throw unreadable(digest, "expected what was written, found other bytes");
    }
    const written: unknown = JSON.parse(text);
    if (isWritten(written)) return written;
    throw unreadable(digest, "expected a position and digests of tensors, found other data");
  }

  #pathOf(digest: string): string {
    return join(this.#folder, digest + suffix);
  }
}

function tensorsOf({ local, optimizer }: Written): string[] {
  return [local, optimizer?.moments].filter((digest) => typeof digest === "string");
}

function isWritten(value: unknown): value is Written {
  if (!isObject(value) || value.position === undefined) return false;
  const { local, optimizer } = value;
  return (local === null || typeof local === "string") &&
    (optimizer === null || isObject(optimizer) && typeof optimizer.moments === "string");
}

function unreadable(digest: string, what: string, cause?: Error): StageError {
  return new StageError(`Cannot read what a source held as ${digest.slice(0, 12)}: ${what}`, {
    cause,
  });
}
