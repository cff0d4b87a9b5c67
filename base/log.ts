/**
 * What long work writes to while it runs.
 */
import type { Json } from "./canonical_json.ts";

export interface Log {
  info(message: string, fields?: Readonly<Record<string, Json>>): void;
  warn(message: string, fields?: Readonly<Record<string, Json>>): void;
  /** Where the work stands. Cheap to call often: it is thinned out on the way. */
  progress(state: Progress): void;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** What is counted: `steps`, `documents`. */
  readonly unit: string;
  /** Mean loss in nats since the last report. */
  readonly lossNats?: number;
  /** Tokens that were trained on since the last report. The reader of progress makes a rate of it. */
  readonly tokens?: number;
  /** Anything short: `round 3 of 10, source it`. */
  readonly note?: string;
}

/** A log that says nothing, for tests and library use. */
export const silentLog: Log = { info() {}, warn() {}, progress() {} };
