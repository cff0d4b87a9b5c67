/**
 * Participants of a round that others train, while this process trains one.
 */
import { taskOf } from "./local_task.ts";
import type { Leader, LocalOutcome, LocalTask } from "./local_training.ts";
import type { PretrainState } from "./pretrain_state.ts";

export interface LocalHelpers {
  /** How many tasks are trained at once. Tasks of a lane are taken one after the other. */
  readonly lanes: number;
  /** Resolves, once the task is done, to what reads its outcome. */
  train(lane: number, task: LocalTask): Promise<() => LocalOutcome>;
}

/** Gives helpers their share of the participants that are left: every lane, and this process, takes its turn. */
export function sendAhead(
  helpers: LocalHelpers | undefined,
  leader: Leader,
  state: PretrainState,
  names: readonly string[],
): Map<string, Promise<() => LocalOutcome>> {
  const ahead = new Map<string, Promise<() => LocalOutcome>>();
  if (helpers === undefined) return ahead;
  names.slice(state.finished).forEach((name, turn) => {
    const lane = turn % (helpers.lanes + 1) - 1;
    if (lane < 0) return;
    const outcome = helpers.train(lane, taskOf(leader, state, name, state.finished + turn));
    outcome.catch(() => {}); // it is thrown where the outcome is asked for
    ahead.set(name, outcome);
  });
  return ahead;
}
