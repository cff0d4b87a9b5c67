/**
 * What a leader and its silos say to each other: bytes and names, no models.
 *
 * A leader offers tasks, a silo answers them; two interfaces, since a silo must not be able to offer. What crosses is signed by who
 * says it, and read only after a check. An answer is a function of the head of its task, which `task` names by digest. So whatever
 * happens twice does no harm: an offer repeated has the same name, the first of two answers stands, a leader that was killed asks
 * again and gets the same, and an exchange that lost everything is told again. A lease saves work; nothing is correct because of one.
 *
 * Whoever holds the exchange is trusted to keep it available, and for nothing else.
 */
import type { Json } from "../base/mod.ts";

/** A record: its fields are the business of who says it. */
export interface JsonRecord {
  readonly [field: string]: Json | undefined;
}

/** What a task asks. The exchange reads these three fields; all that the answer depends on stands in the others. */
export interface TaskHead extends JsonRecord {
  /** The action key of the training that it is part of: 64 hexadecimal digits. */
  readonly run: string;
  /** From 1. */
  readonly round: number;
  readonly source: string;
}

/** Names a task: what its answer depends on. */
export interface TaskName {
  readonly run: string;
  readonly round: number;
  readonly source: string;
  /** SHA-256 of the canonical JSON of the head. */
  readonly task: string;
}

/** Who wrote an object, for whom: `shared` is of the leader for all, `down` of the leader for one source, `up` of the source. */
export type Area = "shared" | "down" | "up";

/** Names an object, which is the content of one file. */
export interface ObjectRef extends JsonRecord {
  readonly area: Area;
  /** The round that it belongs to: it is forgotten with it. */
  readonly round: number;
  /** SHA-256 of its listing: the digests of its parts, and its size. */
  readonly digest: string;
  /** Of the file. */
  readonly bytes: number;
}

/** What a leader does. It is of one run. */
export interface LeaderExchange extends AsyncDisposable {
  /** Puts a file where all silos, or that of one source, can read it. Parts that are there do not move again. */
  put(area: "shared" | { readonly down: string }, round: number, file: string): Promise<ObjectRef>;
  /**
   * Gets what a source has put. No file is left under the name if it fails.
   * @throws RefusedError if it is larger than `maxBytes`, or is not what its digest names
   */
  get(source: string, ref: ObjectRef, file: string, maxBytes: number): Promise<void>;
  /** Offers a task. Twice is once. */
  offer(head: TaskHead): Promise<TaskName>;
  /** Takes back an offer. An answer that comes nevertheless stays unread. */
  withdraw(task: TaskName): Promise<void>;
  /**
   * What comes for the tasks that were offered, until all have an answer or one that is refused, or until `signal` fires. A task that has one is
   * withdrawn; one that stays silent is offered again from time to time.
   */
  replies(tasks: readonly TaskName[], signal: AbortSignal): AsyncIterable<Reply>;
  /** Closes a round with a record, which can be said once. Returns the record that stands: this one, or the one that came first. */
  closeRound(round: number, record: JsonRecord): Promise<JsonRecord>;
  /** The record of a round that is closed. */
  closed(round: number): Promise<JsonRecord | undefined>;
  /** Removes answers and objects of rounds before one, except the rounds of sources that are named. Records stay. */
  forget(
    beforeRound: number,
    except?: readonly { readonly source: string; readonly round: number }[],
  ): Promise<void>;
}

/** What came for a task. */
export type Reply =
  & { readonly task: TaskName }
  & (
    /** It stands for ever. */
    | { readonly kind: "answer"; readonly answer: JsonRecord }
    /** Its place is taken by what the source did not sign for this task: it cannot answer any more. */
    | { readonly kind: "refused"; readonly why: string }
    /** The source cannot answer now, and may later. */
    | { readonly kind: "declined"; readonly why: JsonRecord }
    /** It works on it. What it says of its progress is not signed. */
    | { readonly kind: "working"; readonly progress: Json }
  );

/** What a silo does, for the sources that it holds. */
export interface SiloExchange extends AsyncDisposable {
  /** Waits for a task that no other worker holds, and takes it. Undefined once `signal` fires. */
  take(sources: readonly string[], signal: AbortSignal): Promise<TakenTask | undefined>;
  /** The record of a round that is closed. */
  closed(run: string, round: number): Promise<JsonRecord | undefined>;
}

/** A task in the hands of a worker. */
export interface TakenTask {
  readonly name: TaskName;
  /** As the leader signed it. */
  readonly head: TaskHead;
  /** Gets an object. No file is left under the name if it fails. @throws RefusedError */
  get(ref: ObjectRef, file: string): Promise<void>;
  /** Puts a file where the leader, and other workers on the same source, can read it. Parts that are there do not move again. */
  put(file: string): Promise<ObjectRef>;
  /** Answers, which can be said once. Returns the answer that stands: this one, or the one that came first. */
  answer(answer: JsonRecord): Promise<JsonRecord>;
  /** Fires when it is no longer this worker's, which is seen some seconds later. Its reason says why. */
  readonly lost: AbortSignal;
  /** Whether that is so now; it need not be released then. Two workers may hold one task after the first was silent for long. */
  isLost(): Promise<boolean>;
  /** Gives it back with a reason that is not for ever: other code, a full disk, a lost state. This worker leaves it alone for a while. */
  decline(why: JsonRecord): Promise<void>;
  /** Says that the worker is still at it, and how far it is. It returns at once and may be called often: only some calls are passed on. */
  note(progress: Json): void;
  /** Gives it back to any worker. */
  release(): Promise<void>;
}

/** Something that another party says is not what it must be. */
export class RefusedError extends Error {
  override readonly name = "RefusedError";
}
