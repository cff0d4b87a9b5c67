/**
 * Participants of a round that other processes train.
 */
import { StageError } from "../base/mod.ts";
import type { RecentNorms } from "./answer_checks.ts";
import type { LocalParts } from "./local_parts.ts";
import { taskOf } from "./local_task.ts";
import type { Answered, Leader, LocalTask, Score } from "./local_work.ts";
import type { RoundRecord } from "./participation.ts";
import type { PretrainState } from "./pretrain_state.ts";

export interface LocalHelpers {
  /**
   * Has the tasks of a round trained: a promise for each, of what comes of it. Each rejects with what stops the run.
   * @param tasks What makes them, by name, in the order of the round.
   */
  train(tasks: ReadonlyMap<string, () => LocalTask>, round: RoundSoFar): Ahead;
  /**
   * Closes a round with a record of who took part, before anything is summed.
   * @throws StageError where the round was closed with others
   */
  close(round: number, record: RoundRecord): Promise<void>;
  /** Present where those who train have the text, and what participants hold. */
  readonly score?: Score;
  /** Forgets rounds before one: no checkpoint goes back so far. */
  forget(beforeRound: number): Promise<void>;
}

/** Where a round stands when helpers are given the rest of it. */
export interface RoundSoFar {
  readonly round: number;
  /** Participants that it should have. */
  readonly sampled: number;
  /** How many of them have taken part already. */
  readonly finished: number;
  /** Of the last rounds. */
  readonly norms: RecentNorms;
}

/** By name, what comes of the tasks of participants. */
export type Ahead = ReadonlyMap<string, Promise<Answered>>;

/** Gives helpers the participants that are left. @param absent Those who take no part, by name. */
export function sendAhead(
  helpers: LocalHelpers | undefined,
  leader: Leader,
  state: PretrainState,
  names: readonly string[],
  absent: RoundRecord["leftOut"],
): Ahead {
  if (helpers === undefined) return new Map();
  const { round, finished: first, leftOut, norms } = state;
  const ahead = helpers.train(
    new Map(
      [...names.entries()].slice(first).filter(([, name]) => absent[name] === undefined)
        .map(([at, name]) => [name, () => taskOf(leader, state, name, at)]),
    ),
    { round, sampled: names.length, finished: first - Object.keys(leftOut).length, norms },
  );
  // A stop may come before it is asked for one of them; it throws where it is.
  for (const promise of ahead.values()) promise.catch(() => {});
  return ahead;
}

/**
 * Keeps what others have made for the participants that are left, when the run is stopped. What they have in hand they keep
 * themselves.
 */
export async function keepAhead(
  ahead: Ahead,
  { round, finished }: PretrainState,
  names: readonly string[],
  parts: LocalParts,
): Promise<void> {
  for (const name of names.slice(finished)) {
    const answered = await ahead.get(name)?.catch(() => undefined); // it had not begun, or was stopped
    if (answered?.kind === "made") parts.keep({ name, round }, { outcome: answered.outcome });
  }
}

/** @throws StageError for a participant that others leave out of a round in which it took part */
export function checkReplayed(
  { name, round }: Pick<LocalTask, "name" | "round">,
  answered: Answered,
  absent: RoundRecord["leftOut"],
): void {
  if (answered.kind === "made" || absent[name] !== undefined) return;
  throw new StageError(
    `Cannot replay round ${round}: expected the answer of ${name}, which took part in it, found it left out: ${answered.why}`,
  );
}
