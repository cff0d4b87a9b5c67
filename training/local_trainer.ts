/**
 * Local training in a process that does not lead the run: task in, outcome out. What is under way lies in checkpoints of its own, so
 * that it goes on from there, however it ended.
 */
import type { Engine, EngineOptions } from "../engine/mod.ts";
import { tensorsOf } from "./checkpoint.ts";
import { CheckpointPace } from "./checkpoint_pace.ts";
import { LocalParts } from "./local_parts.ts";
import { type Beginning, beginningOf } from "./local_state.ts";
import { firstRecord, trainLocally } from "./local_training.ts";
import type { LocalOutcome, LocalTask, ScoreTask, Trainer } from "./local_work.ts";
import type { MonitorRow } from "./monitors.ts";
import { readOptimizer, writeOptimizer } from "./optimizer_state.ts";
import { Participants } from "./participants.ts";
import { PhaseClock } from "./phases.ts";
import { openPrograms, readTensors, writeTensors } from "./programs.ts";
import { localOf, lossOf } from "./round_validation.ts";
import type { TrainingSource } from "./source.ts";
import type { ValidationLoss } from "./validation.ts";

interface LocalTrainerOptions
  extends Pick<Trainer, "variant" | "settings" | "seed" | "held" | "log" | "signal"> {
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly sources: readonly TrainingSource[];
  /** Whether it says how well results predict its sources' text, which nobody else has. */
  readonly judges?: boolean;
  /** That of the run, or one of its own. */
  readonly checkpointFolder: string;
  /** The name of this process among those that have the folder; absent where it alone does. */
  readonly worker?: string;
}

export class LocalTrainer {
  readonly #trainer: Trainer;
  readonly #parts: LocalParts;
  readonly #judges: boolean;

  constructor(options: LocalTrainerOptions) {
    this.#trainer = {
      ...options,
      participants: new Participants(options),
      programs: openPrograms(options),
      clock: new PhaseClock(),
    };
    this.#parts = new LocalParts(options);
    this.#judges = options.judges === true;
  }

  /**
   * Trains from the beginning of a task, or from where it was stopped. What the outcome names is on the disk.
   * @param lost Fires when nobody waits for its answer any more.
   * @throws signal.reason when aborted, after a checkpoint. @throws lost.reason without one
   */
  async train(task: LocalTask, lost?: AbortSignal): Promise<LocalOutcome> {
    const beginning = beginningOf(this.#trainer, task);
    const outcome = await this.#train(this.#until(lost), task, beginning);
    this.#trainer.held.sync();
    const { made, held } = outcome;
    if (!this.#judges || made === undefined) return outcome;
    const alone = { ...task, shared: tensorsOf(made.shared), held };
    return { ...outcome, aloneLossNats: (await this.score(alone, lost)).lossNats };
  }

  /** How well parameters predict the source's validation text. @throws signal.reason, or lost.reason, when aborted. */
  async score({ name, shared, held }: ScoreTask, lost?: AbortSignal): Promise<ValidationLoss> {
    const trainer = this.#until(lost);
    const source = trainer.participants.sourceOf(name)!;
    return await lossOf(trainer, source, { ...shared, ...localOf(trainer, held) });
  }

  /** The task is answered: nobody goes on with it. */
  forget({ name }: Pick<LocalTask, "name">): void {
    this.#parts.drop(name);
  }

  #until(lost?: AbortSignal): Trainer {
    const { signal } = this.#trainer;
    return lost === undefined
      ? this.#trainer
      : { ...this.#trainer, signal: AbortSignal.any([signal, lost]) };
  }

  async #train(trainer: Trainer, task: LocalTask, beginning: Beginning): Promise<LocalOutcome> {
    const { settings, participants, programs } = trainer;
    const part = this.#parts.of(task)?.part;
    const everySteps = settings.monitors.everySteps;
    const noted: MonitorRow[] = [...part?.noted ?? []];
    const monitor = everySteps === null
      ? undefined
      : { everySteps, note: (row: MonitorRow) => void noted.push(row) };
    const program = await programs.get(participants.vocabularyOf(task.name).size);
    await writeTensors(program, (part?.current ?? beginning).parameters);
    await writeOptimizer(program, (part?.current ?? beginning).optimizer);
    const record = part?.record ?? firstRecord(trainer, task, beginning);
    const pace = new CheckpointPace(settings.checkpointEverySteps);
    const save = () =>
      pace.write(async () => {
        const current = {
          parameters: await readTensors(program),
          optimizer: await readOptimizer(program),
        };
        this.#parts.keep(task, { part: { record, current, noted } });
      });
    const afterStep = async () => {
      if (pace.isDue(record.steps)) await save();
    };
    try {
      const watch = { monitor, afterStep };
      const outcome = await trainLocally(trainer, task, beginning, program, record, watch);
      return { ...outcome, noted };
    } catch (error) {
      const { signal } = this.#trainer;
      if (signal.aborted && error === signal.reason) await save();
      throw error;
    }
  }
}
