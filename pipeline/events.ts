/**
 * What happens in a run, for a terminal or as JSON, one object a line (`run --json`). `events.schema.json` beside this file
 * is its JSON Schema. The first event is `plan`, the last `summary`; members may be added within a format, readers ignore
 * those they do not know; anything else raises `eventFormat`.
 */
import type { Json } from "../base/mod.ts";
import type { InstanceId, StageProgress, StageSummary } from "./stage.ts";

export const eventFormat = 1;

export type RunEvent =
  | {
    readonly type: "plan";
    readonly format: typeof eventFormat;
    readonly recipe: string;
    readonly description: string;
    readonly store: string;
    readonly engine: string;
    readonly jobs: number;
    readonly instances: readonly PlannedInstance[];
    readonly forecast: PlanForecast;
  }
  | {
    readonly type: "started";
    readonly instance: InstanceId;
    readonly key: string;
    readonly reason: string;
    /** There was a checkpoint to go on from. */
    readonly isResumed: boolean;
    /** Process id of the child. */
    readonly pid: number;
  }
  | { readonly type: "progress"; readonly instance: InstanceId; readonly state: StageProgress }
  /** From here on a kill loses nothing that was done before. */
  | { readonly type: "checkpoint"; readonly instance: InstanceId; readonly key: string }
  | {
    readonly type: "log";
    readonly instance: InstanceId;
    readonly level: "info" | "warn";
    readonly message: string;
    readonly fields?: Readonly<Record<string, Json>>;
  }
  | {
    readonly type: "done";
    readonly instance: InstanceId;
    readonly key: string;
    readonly durationMs: number;
    /** Most memory that its process has held. */
    readonly peakMemoryBytes?: number;
    /** Of all outputs. */
    readonly bytes?: number;
    /** Floating-point operations as its stage forecasts them; absent where it does not. */
    readonly flops?: number;
    readonly summary: StageSummary;
    readonly outputs: Readonly<Record<string, string>>;
  }
  /** Its inputs turned out to be what they were: the stored result stands. */
  | { readonly type: "cached"; readonly instance: InstanceId; readonly key: string }
  | {
    readonly type: "failed";
    readonly instance: InstanceId;
    readonly message: string;
    readonly stack?: string;
    readonly log: string;
  }
  | {
    readonly type: "stopped";
    readonly instance: InstanceId;
    /** From the signal to the end of the process: the micro-batch in progress and the writing of a checkpoint. */
    readonly stoppingMs?: number;
  }
  | { readonly type: "stopping"; readonly signal: string; readonly running: readonly InstanceId[] }
  | ({ readonly type: "summary"; readonly durationMs: number } & RunResult);

export interface PlannedInstance {
  readonly instance: InstanceId;
  readonly state: "fresh" | "run" | "waiting";
  readonly key?: string;
  readonly reason?: string;
  /** Of what is not fresh. */
  readonly forecast?: InstanceForecast;
}

/** What an instance will cost, by the best that is known; what nothing tells is absent. */
export interface InstanceForecast {
  readonly durationMs?: number;
  /** Of its outputs. */
  readonly bytes?: number;
  readonly peakMemoryBytes?: number;
  readonly flops?: number;
  /** Where the duration comes from: an earlier run of the instance, others of its stage, its FLOPs, or nothing. */
  readonly basis: "instance" | "stage" | "flops" | "none";
}

/** What a run will cost if everything that is not fresh runs. */
export interface PlanForecast {
  /** Instances that would run. */
  readonly instances: number;
  /** Wall time with the jobs of the run; instances of which nothing is known count as none. */
  readonly durationMs: number;
  /** On the disk of the store, besides what is there. */
  readonly bytes: number;
  /** At one time, all processes together. */
  readonly peakMemoryBytes: number;
  readonly flops: number;
  /** Instances of which nothing is known. */
  readonly unknown: number;
  /** Instances whose time is reckoned from their operations alone: no earlier run tells it. */
  readonly estimated: number;
}

/** How a run ended: instances by fate, each list in the order of the plan. */
export interface RunResult {
  readonly ran: readonly InstanceId[];
  readonly cached: readonly InstanceId[];
  readonly failed: readonly InstanceId[];
  /** Stopped by the user, or never started. */
  readonly left: readonly InstanceId[];
}
