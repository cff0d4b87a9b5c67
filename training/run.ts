/**
 * A run that can be stopped at any instant: it opens the newest checkpoint, writes the next ones when they are due, and one more
 * before an abort is passed on. Started again, it goes on to the bytes of a run that was never stopped. Pre-training,
 * continuation and fine-tuning each add their loop, which keeps all that it has in hand in `state`.
 */
import type { Engine, EngineOptions, TrainingProgram } from "../engine/mod.ts";
import type { Log } from "../base/mod.ts";
import {
  type Checkpoint,
  type Group,
  type JsonObject,
  packState,
  type StateData,
  type Tensors,
  unpackState,
} from "./checkpoint.ts";
import { CheckpointPace } from "./checkpoint_pace.ts";
import { CheckpointStore } from "./checkpoint_store.ts";
import { MetricsRows, rowsUnderWay } from "./metrics_rows.ts";
import { type OptimizerTensors, readOptimizer, writeOptimizer } from "./optimizer_state.ts";
import { PhaseClock } from "./phases.ts";
import { readTensors, writeTensors } from "./programs.ts";
import type { RowsPlace } from "./run_rows.ts";
import { type MonitoredRun, RunMonitor } from "./run_monitor.ts";
import type { CheckpointEvery } from "./settings.ts";
import type { SeedOf } from "./source.ts";
import type { TensorFiles } from "./tensor_files.ts";

/** Where a training runs, and what it is told by. */
export interface TrainingPlace {
  readonly engine: Engine;
  readonly engineOptions: EngineOptions;
  readonly seed: SeedOf;
  readonly checkpointFolder: string;
  readonly log: Log;
  readonly signal: AbortSignal;
}

interface RunOptions extends MonitoredRun, Pick<TrainingPlace, "engine" | "engineOptions"> {
  readonly settings: MonitoredRun["settings"] & {
    /** Default: only where the loop asks for one. */
    readonly checkpointEverySteps?: CheckpointEvery;
  };
  readonly signal: AbortSignal;
}

/** What a program holds: its parameters, and Adam's state; a new one when absent. */
type ProgramState = {
  readonly parameters: Tensors;
  readonly optimizer?: OptimizerTensors;
};

/** Tensors in it are replaced, never changed in place: a group that is still the same object is not written again. */
export type RunState = {
  /** What the program held that was under training when the checkpoint was written. */
  current?: ProgramState;
};

/** What a checkpoint has: the state, and how far the files of rows go. */
type Saved<State> = {
  readonly state: State;
  readonly rows: { readonly metrics: RowsPlace; readonly monitors: RowsPlace };
};

/** What else must be on the disk when a checkpoint names it. */
interface Beside<State> {
  /** A checkpoint is about to be written. */
  sync(): void;
  /** One of this state was written, or is gone on from. */
  written(state: State): void;
}

export class Run<State extends RunState & StateData> {
  readonly state: State;
  /** Whether there was a checkpoint to go on from. */
  readonly isResumed: boolean;
  readonly clock = new PhaseClock();
  readonly metrics: MetricsRows;
  readonly monitor: RunMonitor;
  /** Take tensors of the state that need not be in memory. */
  readonly files: TensorFiles;
  readonly #options: RunOptions;
  readonly #store: CheckpointStore;
  readonly #beside: Beside<State> | undefined;
  readonly #pace: CheckpointPace;
  /** The program under training. */
  #program: TrainingProgram | undefined;

  /** @param first The state that a run begins with. */
  constructor(options: RunOptions, first: () => State, beside?: Beside<State>) {
    this.#options = options;
    this.#beside = beside;
    this.#store = new CheckpointStore(options.checkpointFolder, options.log);
    this.files = this.#store.files;
    this.#pace = new CheckpointPace(options.settings.checkpointEverySteps ?? "auto");
    this.monitor = new RunMonitor(options);
    this.metrics = new MetricsRows(`${options.checkpointFolder}/${rowsUnderWay}`);
    const saved = this.#store.latest((checkpoint) => this.#goOnFrom(checkpoint));
    if (saved === undefined) this.#goOnWith(undefined);
    this.isResumed = saved !== undefined;
    this.state = saved ?? first();
    if (saved !== undefined) beside?.written(saved);
    const { engine, engineOptions, checkpointFolder, log } = options;
    const elsewhere = engine.keepChoices?.(checkpointFolder, engineOptions);
    if (elsewhere !== undefined && this.isResumed) log.warn(elsewhere);
  }

  /** @throws StageError where the files of rows have not what the checkpoint says. */
  #goOnFrom(checkpoint: Checkpoint<JsonObject, Group>): State {
    const { state, rows } = unpackState<Saved<State>>(checkpoint);
    this.#goOnWith(rows);
    return state;
  }

  #goOnWith(rows: Saved<State>["rows"] | undefined): void {
    this.metrics.goOnFrom(rows?.metrics);
    this.monitor.goOnFrom(rows?.monitors);
  }

  /**
   * Trains a program from `start`, or from what it held when the run was stopped. Until `work` is done, checkpoints hold the
   * program's parameters and Adam's state.
   * @throws signal.reason when aborted, after a checkpoint.
   */
  async train<T>(
    program: TrainingProgram,
    start: () => ProgramState,
    work: () => Promise<T>,
  ): Promise<T> {
    const { parameters, optimizer } = this.state.current ?? start();
    this.state.current = undefined;
    await writeTensors(program, parameters);
    await writeOptimizer(program, optimizer);
    this.#program = program;
    try {
      return await this.stoppable(work);
    } finally {
      this.#program = undefined;
    }
  }

  /** Does work after which the run goes on. @throws signal.reason when aborted, after a checkpoint. */
  async stoppable<T>(work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      const { signal } = this.#options;
      if (signal.aborted && error === signal.reason) await this.save();
      throw error;
    }
  }

  /** @param step Steps since training began; without it, a place between two trainings. */
  async saveIfDue(step?: number): Promise<void> {
    if (this.#pace.isDue(step)) await this.save();
  }

  async save(): Promise<void> {
    await this.clock.time("checkpoint", () =>
      this.#pace.write(async () => {
        const current = this.#program && {
          parameters: await readTensors(this.#program),
          optimizer: await readOptimizer(this.#program),
        };
        const rows = { metrics: this.metrics.place, monitors: this.monitor.place };
        this.#beside?.sync();
        this.#store.write(packState({ state: { ...this.state, current }, rows }));
        this.#beside?.written(this.state);
      }));
  }
}
