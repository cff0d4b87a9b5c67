/**
 * Where instances run: what the scheduler asks of this machine or of a cluster.
 *
 * An executor is the user's choice for one run. No byte of a result depends on it, so it is in no recipe and in no key.
 */
import type { Share } from "../capacity.ts";
import type { InstanceCode } from "../program.ts";
import type { ChildMessage, ChildRequest } from "../protocol.ts";

/** What a child is to do. */
export interface ChildWork {
  readonly key: string;
  /** Its paths for what is written, except for checkpoints, are in `temporary`. */
  readonly request: ChildRequest;
  /** A folder of the store that has those of `temporaryFolders`. */
  readonly temporary: string;
  /** What its program is made of, which goes into the folder that the request names. */
  readonly code: InstanceCode;
  /** Runs native code, which Deno cannot confine. */
  readonly isNative: boolean;
  /** What tells the states of its outside files from all others. */
  readonly fileNotes: string;
  /** May run in a process that has run others of the same program. */
  readonly mayShare: boolean;
  readonly logPath: string;
  /** Progress, checkpoints and log messages, as they come. */
  onMessage(message: ChildNews): void;
}

/** How a child ended: what it said last, or that it died without a word; or that others are to start it, as the command says. */
export type ChildOutcome =
  | Exclude<ChildMessage, ChildNews>
  | { readonly type: "left"; readonly to: string };

/** What a child says while it works. */
export type ChildNews = Extract<ChildMessage, { type: "log" | "progress" | "checkpoint" }>;

/** An instance at work, as the scheduler sees it. */
export interface RunningChild {
  /** For people: `process 123`, `slurm job 45`. */
  readonly place: string;
  /** Of its process, where that is one of this machine. */
  readonly pid?: number;
  /** Has a folder for each output. It stands when `outcome` has settled: a job that is started again has another. */
  readonly folder: string;
  /** Settles when it has ended and all that it said was read. */
  readonly outcome: Promise<ChildOutcome>;
  /** Asks it to write a checkpoint and stop. */
  stop(): void;
  kill(): void;
  /** Called when its result is kept, or there is none to keep: nothing of it is needed any more. */
  clear?(): void;
}

/** Starts what runs instances. */
export interface Executor {
  /** Whether instances run on this machine, so that this is the one to note beside what they make. */
  readonly isHere: boolean;
  /** What instances at work share; undefined where it queues by itself, so that only `--jobs` limits what is started. */
  capacity(): Share | undefined;
  /**
   * Starts an instance.
   * @param claim What it is expected to need
   */
  start(work: ChildWork, claim: Share): Promise<RunningChild>;
  /**
   * Takes up again what a runner that has died has started for an action; undefined if there is nothing. Of the work's
   * `temporary` nothing is used.
   */
  adopt(work: ChildWork, claim: Share): Promise<RunningChild | undefined>;
  /** Ends what waits for more instances. */
  close(): Promise<void>;
}

/** Tells what a child says while it works from what it says last. */
export function isNews(message: ChildMessage): message is ChildNews {
  return message.type === "log" || message.type === "progress" || message.type === "checkpoint";
}
