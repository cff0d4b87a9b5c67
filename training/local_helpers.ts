/**
 * Participants of a round that other processes train.
 */
import type { LocalParts } from "./local_parts.ts";
import { taskOf } from "./local_task.ts";
import type { Leader, LocalOutcome, LocalTask, Score } from "./local_work.ts";
import type { PretrainState } from "./pretrain_state.ts";

export interface LocalHelpers {
  /**
   * Has the tasks of a round trained: a promise for each, which resolves, once the task is done, to what reads its outcome. Each rejects
   * with what stops the run.
   * @param tasks What makes them, by name, in the order of the round.
   */
  train(tasks: ReadonlyMap<string, () => LocalTask>): Ahead;
  /**
   * Closes a round with the answers that were accepted, by name and digest, before anything is summed.
   * @throws StageError where the round was closed with others
   */
  close(round: number, accepted: Readonly<Record<string, string>>): Promise<void>;
  /** Present where those who train have the text, and what participants hold. */
  readonly score?: Score;
  /** Forgets rounds before one: no checkpoint goes back so far. */
  forget(beforeRound: number): Promise<void>;
}

/** By name, what reads the outcomes of participants. */
export type Ahead = ReadonlyMap<string, Promise<() => Promise<LocalOutcome>>>;

/** Gives helpers the participants that are left. */
export function sendAhead(
  helpers: LocalHelpers | undefined,
  leader: Leader,
  state: PretrainState,
  names: readonly string[],
): Ahead {
  if (helpers === undefined) return new Map();
  const first = state.finished;
  const ahead = helpers.train(
    new Map(
      names.slice(first).map((name, i) => [
        name,
        () => taskOf(leader, state, name, first + i),
      ]),
    ),
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
    const read = await ahead.get(name)?.catch(() => undefined); // it had not begun, or was stopped
    if (read !== undefined) parts.keep({ name, round }, { outcome: await read() });
  }
}
