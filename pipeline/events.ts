/**
 * What happens in a run, for a terminal or as JSON, one object a line (`run --json`).
 */
import type { Json } from "./base/mod.ts";
import type { InstanceId, StageProgress, StageSummary } from "./stage.ts";

export type RunEvent =
  | {
    readonly type: "plan";
    readonly recipe: string;
    readonly description: string;
    readonly store: string;
    readonly engine: string;
    readonly jobs: number;
    readonly instances: readonly PlannedInstance[];
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
  | { readonly type: "stopped"; readonly instance: InstanceId }
  | { readonly type: "stopping"; readonly signal: string; readonly running: readonly InstanceId[] }
  | ({ readonly type: "summary"; readonly durationMs: number } & RunResult);

export interface PlannedInstance {
  readonly instance: InstanceId;
  readonly state: "fresh" | "run" | "waiting";
  readonly key?: string;
  readonly reason?: string;
}

/** How a run ended: instances by fate, each list in the order of the plan. */
export interface RunResult {
  readonly ran: readonly InstanceId[];
  readonly cached: readonly InstanceId[];
  readonly failed: readonly InstanceId[];
  /** Stopped by the user, or never started. */
  readonly left: readonly InstanceId[];
}
