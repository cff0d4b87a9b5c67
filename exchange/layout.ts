/**
 * Under which names everything lies. The rights of a silo are these folders:
 *
 *     shared/<run>/rounds/<round>                 records of rounds        leader writes, all read
 *     shared/<run>/objects/<round>/<digest>       objects for all
 *     down/<source>/tasks/<run>-<round>-<task>    open tasks               leader writes, the source reads
 *     down/<source>/<run>/objects/<round>/<digest>  objects for the source
 *     up/<source>/<run>/replies/<round>/<kind>-<task>                      the source writes, the leader reads
 *     up/<source>/<run>/objects/<round>/<digest>  objects of the source
 */
import { canonicalJson, sha256 } from "../base/mod.ts";
import { type ObjectRef, RefusedError, type TaskHead, type TaskName } from "./exchange.ts";

/** What a source says of a task, by the names that it says it under. `working` is its lease too. */
export const replyKinds = ["answer", "declined", "working"] as const;
export type ReplyKind = (typeof replyKinds)[number];

/** Statements are digests, numbers and short texts. A reader takes no more. */
export const mostStatementBytes = 1 << 20;

/** The name of a task. @throws RangeError for fields that cannot stand in a name */
export function nameOf(head: TaskHead): TaskName {
  const { run, round, source } = head;
  checkRun(run);
  checkSource(source);
  checkRound(round);
  return { run, round, source, task: sha256(canonicalJson(head)) };
}

/** @throws RangeError */
export function checkSource(source: string): void {
  if (/^[a-z0-9][a-z0-9_-]*$/.test(source)) return;
  throw new RangeError(
    `Cannot name a source "${source}": expected lower-case letters, digits, - and _`,
  );
}

/** @throws RangeError */
export function checkRun(run: string): void {
  if (isDigest(run)) return;
  throw new RangeError(`Cannot name a run: expected 64 hexadecimal digits, found "${run}"`);
}

function checkRound(round: number): void {
  if (Number.isSafeInteger(round) && round >= 0) return;
  throw new RangeError(`Cannot name a round: expected a whole number, found ${round}`);
}

/** Whether a value is a SHA-256 as names have it. */
export function isDigest(text: unknown): text is string {
  return typeof text === "string" && /^[0-9a-f]{64}$/.test(text);
}

export function recordName(run: string, round: number): string {
  checkRound(round);
  return `shared/${run}/rounds/${round}`;
}

export function tasksFolder(source: string): string {
  return `down/${source}/tasks`;
}

/** Where a task is offered. */
export function offerName({ run, round, source, task }: TaskName): string {
  return `${tasksFolder(source)}/${run}-${round}-${task}`;
}

/** The task of a file in the folder of tasks; undefined if it is none. */
export function taskOfFile(source: string, name: string): TaskName | undefined {
  const [, run, round, task] = /^([0-9a-f]{64})-(\d{1,15})-([0-9a-f]{64})$/.exec(name) ?? [];
  return run === undefined ? undefined : { run, round: Number(round), source, task };
}

export function repliesFolder({ run, round, source }: TaskName): string {
  return `up/${source}/${run}/replies/${round}`;
}

export function replyName(task: TaskName, kind: ReplyKind): string {
  return `${repliesFolder(task)}/${kind}-${task.task}`;
}

/** The folder of the objects of a round. */
export function objectsFolder(
  run: string,
  source: string,
  { area, round }: Pick<ObjectRef, "area" | "round">,
): string {
  return `${area === "shared" ? area : `${area}/${source}`}/${run}/objects/${round}`;
}

/** Folders that hold something of each round by its number: for all, for a source, and of it. */
export function roundFolders(run: string, source: string) {
  return {
    shared: `shared/${run}/objects`,
    down: `down/${source}/${run}/objects`,
    up: [`up/${source}/${run}/objects`, `up/${source}/${run}/replies`],
  };
}

/** The reference that a value is, which came from another party. @throws RefusedError */
export function objectRefOf(value: unknown): ObjectRef {
  const { area, round, digest, bytes } = (value ?? {}) as Partial<Record<keyof ObjectRef, unknown>>;
  const isCount = (n: unknown) => typeof n === "number" && Number.isSafeInteger(n) && n >= 0;
  if (
    (area === "shared" || area === "down" || area === "up") && isCount(round) &&
    isDigest(digest) && isCount(bytes)
  ) return { area, round: Number(round), digest, bytes: Number(bytes) };
  throw new RefusedError(
    `Cannot get an object: expected its area, round, digest and bytes, found ${
      JSON.stringify(value)
    }`,
  );
}
