/**
 * The log that long work writes to while it runs.
 */
import type { Json } from "./canonical_json.ts";

export interface Log {
  info(message: string, fields?: Readonly<Record<string, Json>>): void;
  warn(message: string, fields?: Readonly<Record<string, Json>>): void;
  /** Reports progress. It is cheap to call often: only some reports are passed on. */
  progress(state: Progress): void;
}

export interface Progress {
  readonly done: number;
  readonly total: number;
  /** The unit that is counted: `steps`, `documents`. */
  readonly unit: string;
  /** Mean loss in nats since the last report. */
  readonly lossNats?: number;
  /** Tokens that were trained on since the last report. The reader of progress makes a rate of it. */
  readonly tokens?: number;
  /** Anything short: `round 3 of 10, source it`. */
  readonly note?: string;
}

/** A log that writes nothing, for tests and library use. */
export const silentLog: Log = { info() {}, warn() {}, progress() {} };
