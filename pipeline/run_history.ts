/**
 * The runs of a store, one after another: what each was asked for, which actions it came to, and how it ended.
 *
 * `history/<number>.jsonl`, a file for each run: a first line that says what was run and when, then a line `[instance, key]` for
 * each action, at last how it ended; without that line the run was killed, or is at work. Nothing is kept for it: garbage collection
 * goes by `runs/` alone, so that of an old run there may be no results left.
 */
import { join } from "node:path";
import { z } from "zod";
import { type Json, readTextIfThere, writeFileAtomic } from "../base/mod.ts";
import type { InstanceId } from "./stage.ts";
import type { Store } from "./store.ts";

/** What distinguishes records: the recipe and its overrides. */
export interface RunIdentity {
  readonly recipe: string;
  readonly [option: string]: Json | undefined;
}

/** As many runs are known: the oldest are forgotten. */
const mostRuns = 500;

/** Instances by fate. */
export type RunEnd = Readonly<z.infer<typeof endShape>>;
const endShape = z.looseObject({
  durationMs: z.number().min(0),
  ran: z.int().min(0),
  cached: z.int().min(0),
  failed: z.int().min(0),
  left: z.int().min(0),
});

export interface PastRun {
  /** Counted from 1 in this store. */
  readonly number: number;
  readonly identity: RunIdentity;
  readonly targets: readonly string[];
  /** ISO 8601, UTC: when it began. */
  readonly at: string;
  /** Of all instances that it asked for, as far as it came. */
  readonly keys: ReadonlyMap<InstanceId, string>;
  /** Undefined if it was killed or is at work. */
  readonly end?: RunEnd;
}

/** Writes the file of the run that begins. Only under the lock. */
export class RunHistory {
  readonly #path: string;

  constructor(
    store: Store,
    identity: RunIdentity,
    targets: readonly string[],
    keys: Iterable<readonly [InstanceId, string]>,
  ) {
    const folder = folderOf(store);
    const numbers = numbersIn(folder);
    const number = (numbers.at(-1) ?? 0) + 1;
    this.#path = pathOf(folder, number);
    Deno.mkdirSync(folder, { recursive: true });
    const header = { identity, targets, at: new Date().toISOString() };
    writeFileAtomic(this.#path, [header, ...keys].map(lineOf).join(""));
    for (const old of numbers.slice(0, -mostRuns)) Deno.removeSync(pathOf(folder, old));
  }

  add(instance: InstanceId, key: string): void {
    this.#append([instance, key]);
  }

  end(end: RunEnd): void {
    this.#append({ end });
  }

  #append(value: unknown): void {
    Deno.writeTextFileSync(this.#path, lineOf(value), { append: true });
  }
}

/** Runs of a store, the newest first. What is no record of a run is left out. @param limit The newest so many. */
export function pastRuns(store: Store, limit = mostRuns): PastRun[] {
  const numbers = numbersIn(folderOf(store)).reverse();
  return numbers.slice(0, limit).flatMap((number) => pastRun(store, number) ?? []);
}

/** Undefined if there is none of this number. */
export function pastRun(store: Store, number: number): PastRun | undefined {
  const text = readTextIfThere(pathOf(folderOf(store), number));
  return text === undefined ? undefined : readPastRun(text, number);
}

const headerShape = z.looseObject({
  identity: z.looseObject({ recipe: z.string() }),
  targets: z.array(z.string()),
  at: z.iso.datetime(),
}) as z.ZodType<Pick<PastRun, "identity" | "targets" | "at">>;
const actionShape = z.tuple([z.string(), z.string().regex(/^[0-9a-f]{64}$/)]);
const lastShape = z.looseObject({ end: endShape });

/** Lines that are neither an action nor an end count as none: a kill may have left a part of one. */
function readPastRun(text: string, number: number): PastRun | undefined {
  const [first, ...lines] = text.split("\n").map(parseLine);
  const header = headerShape.safeParse(first);
  if (!header.success) return undefined;
  const keys = new Map<InstanceId, string>();
  let end: RunEnd | undefined;
  for (const line of lines) {
    const action = actionShape.safeParse(line);
    if (action.success) keys.set(...action.data);
    else end = lastShape.safeParse(line).data?.end ?? end;
  }
  const { identity, targets, at } = header.data;
  return { number, identity, targets, at, keys, ...(end === undefined ? {} : { end }) };
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    return undefined;
  }
}

function lineOf(value: unknown): string {
  return `${JSON.stringify(value)}\n`;
}

function folderOf(store: Store): string {
  return join(store.folder, "history");
}

function pathOf(folder: string, number: number): string {
  return join(folder, `${number}.jsonl`);
}

/** Ascending. */
function numbersIn(folder: string): number[] {
  try {
    return [...Deno.readDirSync(folder)]
      .flatMap(({ name }) => /^[1-9]\d*(?=\.jsonl$)/.exec(name) ?? [])
      .map(Number).sort((a, b) => a - b);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound || error instanceof Deno.errors.NotADirectory) {
      return [];
    }
    throw error;
  }
}
