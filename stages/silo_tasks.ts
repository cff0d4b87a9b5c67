/**
 * Tasks of an exchange as a silo works on them: objects become tensors, is trained, and becomes objects again.
 */
import { join } from "node:path";
import {
  canonicalJson,
  readTextIfThere,
  StageError,
  writeFileAtomic,
  writeFileSynced,
} from "../base/mod.ts";
import {
  type JsonRecord,
  type ObjectRef,
  RefusedError,
  type TakenTask,
  type TaskHead,
} from "../exchange/mod.ts";
import type { ScoreHead } from "./exchange_scores.ts";
import {
  type Group,
  type LocalOutcome,
  type LocalTask,
  type LocalTrainer,
  type StoredTensors,
  TensorFiles,
  type Tensors,
} from "../training/mod.ts";

/** Tensors and a count that travel: Adam's state. */
type OptimizerRef = {
  readonly step: number;
  readonly moments: ObjectRef;
};

/** What a task asks, beside its run, round and source: the name of the task covers it. */
export interface TrainHead extends TaskHead {
  readonly kind: "train";
  readonly shared: ObjectRef;
  readonly optimizer: OptimizerRef | null;
  /** Digest of the state that the source goes on from; null where it begins. */
  readonly held: string | null;
  /** Digest of the state that the source had in the best round so far, if another one. */
  readonly heldAtBest?: string;
}

/** What answers it. */
export interface TrainAnswer extends JsonRecord {
  readonly row: LocalOutcome["row"];
  readonly exposure: LocalOutcome["exposure"];
  readonly held: string;
  readonly diverged: string | null;
  readonly shared: ObjectRef | null;
  readonly optimizer: OptimizerRef | null;
  /** Mean loss of its validation text with its result, in nats, where nobody else has the text. */
  readonly aloneLossNats?: number;
  /** A file of JSON; null where there are no monitors. */
  readonly noted: ObjectRef | null;
}

/** What a silo says of a task under way. */
export interface TaskProgress {
  readonly steps: number;
  readonly lossNats: number | null;
}

/** An object that came, by digest, and the file of it. */
interface Got {
  readonly object: string;
  readonly file: string;
}

/** All that is asked of a trainer here. */
type Trains = Pick<LocalTrainer, "train" | "score" | "forget">;

/** Answers tasks by training. */
export class SiloTasks {
  readonly #trainer: Trains;
  readonly #files: TensorFiles;
  /** Says what `#last` is. */
  readonly #notePath: string;
  /** The shared parameters that came last: the next task may begin with them too. */
  #last: Got | undefined;

  /** @param folder For files on their way. */
  constructor(trainer: Trains, folder: string) {
    this.#trainer = trainer;
    this.#files = new TensorFiles(folder);
    this.#notePath = join(folder, "last.json");
    const note = readTextIfThere(this.#notePath);
    this.#last = note === undefined ? undefined : JSON.parse(note);
    this.#dropFiles();
  }

  /**
   * Trains what a task asks, from its beginning or from where it was stopped, and answers.
   * @throws StageError, RefusedError for a task that cannot be answered here. @throws the signal's reason when stopped, or lost
   */
  async answer(task: TakenTask): Promise<void> {
    const { kind } = task.head as TrainHead | ScoreHead;
    try {
      switch (kind) {
        case "train":
          return await this.#train(task);
        case "score":
          return await this.#score(task);
        default:
          kind satisfies never;
          throw new StageError(
            `Cannot work on a task of kind "${kind}": expected "train" or "score"`,
          );
      }
    } finally {
      this.#dropFiles();
    }
  }

  async #train(task: TakenTask): Promise<void> {
    const local = await this.#taskOf(task);
    const outcome = await this.#trainer.train(local, task.lost);
    await task.answer(await this.#answerOf(task, outcome));
    this.#trainer.forget(local);
  }

  async #score(task: TakenTask): Promise<void> {
    const { round, source, shared, held } = task.head as ScoreHead;
    const judged = { name: source, round, shared: await this.#shared(task, shared), held };
    await task.answer({ ...await this.#trainer.score(judged, task.lost) });
  }

  async #taskOf(task: TakenTask): Promise<LocalTask> {
    const { round, source } = task.head;
    const { shared, optimizer, held } = task.head as TrainHead;
    return {
      name: source,
      round,
      stepsBefore: 0,
      shared: await this.#shared(task, shared),
      ...(optimizer && {
        optimizer: {
          step: optimizer.step,
          moments: (await this.#get(task, optimizer.moments)).read(),
        },
      }),
      held,
    };
  }

  async #answerOf(
    task: TakenTask,
    { row, exposure, held, diverged, made, noted = [], aloneLossNats }: LocalOutcome,
  ): Promise<TrainAnswer> {
    const put = (group: Group) => task.put(this.#files.put(group).path);
    return {
      row,
      exposure,
      held,
      diverged: diverged ?? null,
      shared: made ? await put(made.shared) : null,
      optimizer: made?.optimizer
        ? { step: made.optimizer.step, moments: await put(made.optimizer.moments) }
        : null,
      noted: noted.length === 0 ? null : await this.#putRows(task, noted),
      ...(aloneLossNats === undefined ? {} : { aloneLossNats }),
    };
  }

  async #putRows(task: TakenTask, rows: NonNullable<LocalOutcome["noted"]>): Promise<ObjectRef> {
    const path = this.#files.newPath();
    writeFileSynced(path, canonicalJson(rows));
    return await task.put(path);
  }

  async #shared(task: TakenTask, ref: ObjectRef): Promise<Tensors> {
    const kept = this.#last?.object === ref.digest ? this.#load(this.#last.file) : undefined;
    if (kept !== undefined) return kept;
    const stored = await this.#get(task, ref);
    this.#last = { object: ref.digest, file: stored.digest };
    writeFileAtomic(this.#notePath, JSON.stringify(this.#last));
    return stored.read();
  }

  /** Undefined where somebody has removed or changed it. */
  #load(file: string): Tensors | undefined {
    try {
      return this.#files.load(file);
    } catch (error) {
      if (error instanceof StageError) return undefined;
      throw error;
    }
  }

  async #get(task: TakenTask, ref: ObjectRef): Promise<StoredTensors> {
    const path = this.#files.newPath();
    await task.get(ref, path);
    return this.#files.take(path);
  }

  #dropFiles(): void {
    this.#files.keepOnly(new Set(this.#last === undefined ? [] : [this.#last.file]));
  }
}

/** Whether an error says that a task cannot be answered here, and not that this program is wrong. */
export function isRefusal(error: unknown): error is Error {
  return error instanceof StageError || error instanceof RefusedError;
}
