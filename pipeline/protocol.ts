/**
 * What a runner and its child processes say to each other: one JSON object a line.
 *
 * The runner writes a request to the child's input, and further ones where the process is shared. The child's messages start with a
 * mark, so that whatever a library prints to the same pipe, even without an end of line, is told apart. A job of another machine reads
 * and writes files instead.
 */
import type { Json } from "../base/mod.ts";
import type { Faults } from "./faults.ts";
import type { ActionRecord } from "./key.ts";
import { isListing, type Listing } from "./listing.ts";
import type { MachineNotes } from "./machine.ts";
import type { InstanceId, StageAccess, StageProgress, StageSummary } from "./stage.ts";

/** The control character RS, as in RFC 7464. */
const messageMark = "\x1e";

/** Ends what a process that takes several requests has printed as errors while it served one. */
export const errorsEnd = messageMark;

export interface ChildRequest {
  /** The runner's process id: when it is gone, so is the child. Absent for a job, which outlives its runner. */
  readonly runner?: number;
  /** The system sees to that: see `bound_process.ts`. */
  readonly isBound?: boolean;
  /** Other requests may follow in this process. */
  readonly isShared?: boolean;
  /** A file to hold a shared lock on while alive; absent for a job. */
  readonly lock?: string;
  /** Where a job tells how it goes, see `executors/job_reports.ts`. */
  readonly reports?: string;
  readonly instance: InstanceId;
  /** What its key is of: parameters and seeds are taken from here. */
  readonly record: ActionRecord;
  readonly hints: object;
  readonly inputs: Readonly<Record<string, string>>;
  readonly files: Readonly<Record<string, string>>;
  readonly outputs: Readonly<Record<string, string>>;
  readonly checkpointFolder: string;
  /** URLs of the modules that the stage uses, by role, and of those that it may import. */
  readonly modules: Readonly<Record<string, string>>;
  /** The folder of its program. */
  readonly program: string;
  /** What it may touch besides. */
  readonly access?: StageAccess;
  /** A folder for temporary files. */
  readonly scratch: string;
  /** The store's folder, for messages. */
  readonly store: string;
  /** What tests let go wrong. */
  readonly faults?: Faults;
}

export type ChildMessage =
  | {
    readonly type: "log";
    readonly level: "info" | "warn";
    readonly message: string;
    readonly fields?: Readonly<Record<string, Json>>;
  }
  | { readonly type: "progress"; readonly state: StageProgress }
  /** A checkpoint was written: a kill from here on loses nothing before it. */
  | { readonly type: "checkpoint"; readonly name: string }
  | {
    readonly type: "done";
    readonly summary: StageSummary;
    /** Digest tree of each output, by name. */
    readonly outputs: Readonly<Record<string, Listing>>;
    /** Most memory that the process has held, in bytes. */
    readonly peakMemoryBytes: number;
    /** What computed beside the processor, as the modules of the instance tell. */
    readonly device?: string;
    /** Of the machine that has made it, where that is not the runner's. */
    readonly machine?: MachineNotes;
    /** How long its process was there, where that has waited for its turn before. */
    readonly durationMs?: number;
  }
  | {
    readonly type: "failed";
    readonly message: string;
    readonly stack?: string;
    /** Whether the message says all (bad data) or the stack is needed (a defect). */
    readonly isExpected: boolean;
  }
  /** Clean: by the stage itself, which has kept all that it had reported as done. */
  | { readonly type: "stopped"; readonly isClean: boolean };

/** A message as a line. */
export function encodeMessage(message: ChildMessage): string {
  return `${messageMark}${JSON.stringify(message)}\n`;
}

/** The message of a line, and what was printed before it or in its place. What is no message was printed. */
export function decodeLine(line: string): { message?: ChildMessage; printed: string } {
  const at = line.lastIndexOf(messageMark);
  if (at < 0) return { printed: line };
  try {
    const message: unknown = JSON.parse(line.slice(at + 1));
    if (isMessage(message)) return { message, printed: line.slice(0, at) };
  } catch { /* no JSON */ }
  return { printed: line };
}

/** Whether a value has the members of a message, of their types: data that a library prints may look like one. */
export function isMessage(value: unknown): value is ChildMessage {
  if (!isMap(value)) return false;
  switch (value.type) {
    case "log":
      return (value.level === "info" || value.level === "warn") &&
        typeof value.message === "string" && (value.fields === undefined || isMap(value.fields));
    case "progress":
      return isMap(value.state) && isAmount(value.state.done) && isAmount(value.state.total) &&
        typeof value.state.unit === "string" &&
        [value.state.lossNats, value.state.tokens].every(isNumberIfThere) &&
        ["undefined", "string"].includes(typeof value.state.note);
    case "checkpoint":
      return typeof value.name === "string";
    case "done":
      return isMap(value.summary) && isMap(value.outputs) &&
        Object.values(value.outputs).every(isListing) && isAmount(value.peakMemoryBytes) &&
        ["undefined", "string"].includes(typeof value.device) &&
        (value.machine === undefined || isMachine(value.machine)) &&
        (value.durationMs === undefined || isAmount(value.durationMs));
    case "failed":
      return typeof value.message === "string" && typeof value.isExpected === "boolean" &&
        ["undefined", "string"].includes(typeof value.stack);
    case "stopped":
      return typeof value.isClean === "boolean";
    default:
      return false;
  }
}

function isMap(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function isMachine(value: unknown): value is MachineNotes {
  return isMap(value) &&
    ["deno", "v8", "typescript", "platform", "cpu", "instructionSet"]
      .every((name) => typeof value[name] === "string");
}

function isAmount(value: unknown): value is number {
  return typeof value === "number" && value >= 0;
}

/** JSON has null for a number that is not finite. */
function isNumberIfThere(value: unknown): boolean {
  return value === undefined || value === null || typeof value === "number";
}
