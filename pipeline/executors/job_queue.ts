/**
 * A system that runs jobs on other machines, which share the folder of the store with this one: Slurm, Kubernetes.
 *
 * It is asked to place jobs and whether they are still there. How an instance ended is told by files of the job itself, never by
 * the queue: what a queue says may be late or wrong.
 */

/** One attempt to run an instance. */
export interface Job {
  /** Of this attempt alone: lower-case letters, digits and `-`, at most 63. */
  readonly name: string;
  /** What it runs, for people. */
  readonly instance: string;
  /** A POSIX shell script, absolute: it becomes the process of the instance, which writes a checkpoint and stops at SIGTERM. */
  readonly script: string;
  /** Where what it prints goes, absolute. */
  readonly output: string;
  readonly threads: number;
  /** 0 if nothing is known. */
  readonly memoryBytes: number;
}

/** What a queue knows of a job. */
export type JobState =
  | { readonly type: "waiting"; readonly reason: string }
  | { readonly type: "running"; readonly node: string }
  /** Others are to start it, by a command: the run ends without it, and the next one looks whether it is over. */
  | { readonly type: "left"; readonly to: string }
  /** It is over: the process of the job has ended, or the machine that had it is lost. */
  | {
    readonly type: "over";
    /** How, in the words of the queue: `NODE_FAIL`. */
    readonly how: string;
    /** The machine or the system ended it, not the work: another attempt may do better. */
    readonly isLost: boolean;
  }
  /** The queue cannot be asked now. */
  | { readonly type: "unknown"; readonly why: string };

/** Places jobs, and knows which are there. Every method may be called by a process that did not submit the job. */
export interface JobQueue {
  /** For people, before the number of a job: `slurm job`. */
  readonly kind: string;
  /** The number of the job of a name that waits or runs; undefined if there is none. @throws JobQueueError */
  find(name: string): Promise<string | undefined>;
  /** Submits a job and returns its number. Whoever calls it has looked for the name first. @throws JobQueueError */
  submit(job: Job): Promise<string>;
  state(number: string): Promise<JobState>;
  /** Asks a job to write a checkpoint and stop; one that waits is withdrawn. Never throws. */
  stop(number: string): Promise<void>;
  /** Ends a job at once. Never throws. */
  kill(number: string): Promise<void>;
  /** Called once a job is over, or given up: nothing of it is asked any more. Never throws. */
  forget?(number: string): Promise<void>;
}

/** A queue that has refused, or cannot be reached. */
export class JobQueueError extends Error {
  override readonly name = "JobQueueError";
  /** Whether the same may succeed later: the queue could not be reached. */
  readonly isPassing: boolean;

  constructor(message: string, { isPassing }: { readonly isPassing: boolean }) {
    super(message);
    this.isPassing = isPassing;
  }
}
