/**
 * What local training is given and what it gives: the task of one participant in one round, and its outcome, which is a function of the
 * task and of what the participant holds.
 *
 * Source: DEPT Algorithm 1, lines 4 to 8.
 */
import type { Log } from "../base/mod.ts";
import type { Group, JsonObject, Tensors } from "./checkpoint.ts";
import type { HeldStore } from "./held_states.ts";
import type { MetricsRows } from "./metrics_rows.ts";
import type { MonitorRow } from "./monitors.ts";
import type { OptimizerTensors } from "./optimizer_state.ts";
import type { Participations } from "./participation.ts";
import type { Participants } from "./participants.ts";
import type { PhaseClock } from "./phases.ts";
import type { TrainingPrograms } from "./programs.ts";
import type { PretrainSettings } from "./settings.ts";
import type { RunSource, SeedOf } from "./source.ts";
import type { TensorFiles } from "./tensor_files.ts";
import type { StepRecord } from "./trainer.ts";
import type { ValidationLoss } from "./validation.ts";
import type { Variant } from "./variant.ts";
import type { Exposure } from "./windows.ts";

/** What a participant is to do. Plain data and tensors, so that another process can be given it as a checkpoint. */
export type LocalTask = {
  readonly name: string;
  readonly round: number;
  /** Steps of the whole run that were taken before, of all participants: for progress. */
  readonly stepsBefore: number;
  /** The shared parameters that it begins with: those of the round, ϕ cut to its rows. */
  readonly shared: Tensors;
  /** Adam's state of them, where it is averaged. */
  readonly optimizer?: OptimizerTensors;
  /** Digest of what it held after its last round that counted; null for one that takes part for the first time. */
  readonly held: string | null;
  /** Digest of what it held in the best round so far, if another one: the run may end there. */
  readonly heldAtBest?: string;
};

/** What a participant is asked how well it predicts: the shared parameters after a round, with its own tables. */
export type ScoreTask = Pick<LocalTask, "name" | "round" | "shared" | "held">;

/**
 * Has participants say how well shared parameters predict their text. Rejects with what stops the run.
 * @param tasks What makes them, by name, in the order of the names.
 */
export type Score = (
  tasks: ReadonlyMap<string, () => ScoreTask>,
) => Promise<Scores>;

/** What came of it, by name and sorted. */
export interface Scores {
  readonly losses: Readonly<Record<string, ValidationLoss>>;
  /** Why others have said nothing. */
  readonly unscored: Readonly<Record<string, string>>;
}

/** A task that was stopped. Plain data and tensors. */
export type LocalPart = {
  readonly record: StepRecord;
  /** What its program held. */
  readonly current: { readonly parameters: Tensors; readonly optimizer: OptimizerTensors };
  /** What the monitors of another process noted. */
  readonly noted: readonly MonitorRow[];
};

/** What it has made. Plain data and tensors, as a task. */
export type LocalOutcome = {
  /** What is noted of it in metrics. */
  readonly row: JsonObject;
  /** What it has read in all rounds. */
  readonly exposure: readonly Exposure[];
  /** Digest of what it holds now. */
  readonly held: string;
  /** Digest of all that another process has answered. */
  readonly answer?: string;
  /** Why it could not finish; absent when it has. */
  readonly diverged?: string;
  /** Mean loss of its validation text with what it made alone, in nats; present where nobody else has the text. */
  readonly aloneLossNats?: number;
  /** The shared parameters after the last step, and Adam's state of them where it is averaged; absent where training diverged. */
  readonly made?: { readonly shared: Group; readonly optimizer?: OptimizerTensors<Group> };
  /** What the monitors of another process noted. */
  readonly noted?: readonly MonitorRow[];
  /** Length of the difference between what was sent and what came, where the leader has measured it. */
  readonly sharedNorm?: number;
};

/** What came of a participant's task: what it has made, or why the round goes on without it. */
export type Answered =
  | { readonly kind: "made"; readonly outcome: LocalOutcome }
  | { readonly kind: "leftOut"; readonly why: string };

/** What local training needs, in the process that leads the run and in others. */
export interface Trainer {
  readonly variant: Variant;
  readonly settings: PretrainSettings;
  readonly participants: Participants;
  readonly seed: SeedOf;
  readonly held: HeldStore;
  readonly programs: TrainingPrograms;
  readonly clock: PhaseClock;
  readonly log: Log;
  readonly signal: AbortSignal;
}

/** The process that leads a run: it knows all sources. */
export interface Leader extends Trainer {
  readonly sources: readonly RunSource[];
  /** Present where the text of sources is with those who train. */
  readonly score?: Score;
  /** Rounds that are known, of a run that is replayed. */
  readonly replayed?: Participations;
  readonly metrics: MetricsRows;
  /** Takes tensors that need not be in memory. */
  readonly files: Pick<TensorFiles, "put">;
}
