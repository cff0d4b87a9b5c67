/**
 * Participants of a round that others train, while this process trains one.
 */
import type { LocalParts } from "./local_parts.ts";
import { taskOf } from "./local_task.ts";
import type { Leader, LocalOutcome, LocalTask } from "./local_work.ts";
import type { PretrainState } from "./pretrain_state.ts";

export interface LocalHelpers {
  /** How many tasks are trained at once. Tasks of a lane are taken one after the other. */
  readonly lanes: number;
  /**
   * Resolves, once the task is done, to what reads its outcome. @throws what stops the run
   * @param task makes the task when its turn comes
   */
  train(lane: number, task: () => LocalTask): Promise<() => LocalOutcome>;
}

/** By name, what reads the outcomes of participants that others train. */
export type Ahead = ReadonlyMap<string, Promise<() => LocalOutcome>>;

/** Gives helpers their share of the participants that are left: every lane, and this process, takes its turn. */
export function sendAhead(
  helpers: LocalHelpers | undefined,
  leader: Leader,
  state: PretrainState,
  names: readonly string[],
  parts: LocalParts,
): Ahead {
  const ahead = new Map<string, Promise<() => LocalOutcome>>();
  if (helpers === undefined) return ahead;
  const first = state.finished;
  names.slice(first).forEach((name, turn) => {
    const lane = turn % (helpers.lanes + 1) - 1;
    if (lane < 0 || parts.of({ name, round: state.round })?.outcome !== undefined) return;
    const outcome = helpers.train(lane, () => taskOf(leader, state, name, first + turn));
    outcome.catch(() => {}); // it is thrown where the outcome is asked for
    ahead.set(name, outcome);
  });
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
    if (read !== undefined) parts.keep({ name, round }, { outcome: read() });
  }
}
