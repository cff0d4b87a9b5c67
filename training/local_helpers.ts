/**
 * Participants of a round that others train, while this process trains one.
 */
import type { LocalParts } from "./local_parts.ts";
import { taskOf } from "./local_task.ts";
import type { Leader, LocalOutcome, LocalTask } from "./local_training.ts";
import type { PretrainState } from "./pretrain_state.ts";

export interface LocalHelpers {
  /** How many tasks are trained at once. Tasks of a lane are taken one after the other. */
  readonly lanes: number;
  /**
   * Resolves, once the task is done or was stopped, to what reads its outcome. @throws what stops the run, before it has begun
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
    if (lane < 0) return;
    const outcome = helpers.train(lane, () => {
      const task = taskOf(leader, state, name, first + turn);
      return { ...task, part: parts.of(task) };
    });
    outcome.catch(() => {}); // it is thrown where the outcome is asked for
    ahead.set(name, outcome);
  });
  return ahead;
}

/** Keeps what others have done of the participants that are left, when the run is stopped. */
export async function keepAhead(
  ahead: Ahead,
  { round, finished }: PretrainState,
  names: readonly string[],
  parts: LocalParts,
): Promise<void> {
  for (const name of names.slice(finished)) {
    const read = await ahead.get(name)?.catch(() => undefined); // it had not begun, or its process has ended
    if (read === undefined) continue;
    const { record, made, part, noted = [] } = read();
    const whole = made && { parameters: made.result, optimizer: made.optimizer };
    const kept = part ?? (whole && { record, current: whole, noted });
    if (kept !== undefined) parts.keep({ name, round }, kept);
  }
}
