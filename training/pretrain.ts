/**
 * Pre-training: rounds of local training and outer steps, or the same number of steps on a mixture.
 *
 * Source: DEPT Algorithm 1, whose lines stand beside ours. A variant takes rounds × localSteps sequential steps under one
 * cosine: round r begins at step (r − 1)·localSteps. Both numbers are the variant's own (`budget.ts`).
 */
import { settingsOf } from "./budget.ts";
import { addExposure } from "./exposure.ts";
import { heldElsewhere, heldFolder, HeldStates } from "./held_states.ts";
import {
  type Ahead,
  checkReplayed,
  keepAhead,
  type LocalHelpers,
  sendAhead,
} from "./local_helpers.ts";
import { joiningRound, trainJoiners } from "./joining.ts";
import { LocalParts } from "./local_parts.ts";
import { beginningOf } from "./local_state.ts";
import { keepAnswered, taskOf } from "./local_task.ts";
import { firstRecord, trainLocally } from "./local_training.ts";
import type { Answered, Leader, LocalOutcome, LocalPart, LocalTask } from "./local_work.ts";
import type { MetricsRow } from "./metrics_files.ts";
import { Participants } from "./participants.ts";
import {
  type FinishedModel,
  finishedModel,
  firstState,
  heldDigests,
  type PretrainState,
  stateFrom,
} from "./pretrain_state.ts";
import { checkParticipations, type Participations } from "./participation.ts";
import { openPrograms } from "./programs.ts";
import { averageRound, closeRound, requireAnswers } from "./round_end.ts";
import { Run, type TrainingPlace } from "./run.ts";
import type { PretrainSettings } from "./settings.ts";
import type { RunSource } from "./source.ts";
import { type Start, startFrom, type StartingModel, startRow } from "./starting_model.ts";
import type { Monitor } from "./trainer.ts";
import type { Variant } from "./variant.ts";

export interface Pretraining extends TrainingPlace {
  readonly variant: Variant;
  readonly settings: PretrainSettings;
  /** Of which others have the text where `helpers` score. */
  readonly sources: readonly RunSource[];
  /** The model that it goes on from; new parameters when absent. */
  readonly from?: StartingModel;
  /** Train some of a round's participants meanwhile; results do not depend on them. */
  readonly helpers?: LocalHelpers;
  /** Rounds in which somebody is left out, of a run that is replayed: in all others everybody takes part. */
  readonly replayed?: Participations;
}

export interface PretrainResult {
  readonly last: FinishedModel;
  readonly best: FinishedModel;
  readonly metrics: readonly MetricsRow[];
  /** What monitors saw, in the order of the steps; none without monitors. */
  readonly monitors: readonly MetricsRow[];
  readonly bestRound: number;
  /** Mean validation loss of the best round; null when no round had a table for every source. */
  readonly bestLossNats: number | null;
  /** Digests of what each participant holds in the last round and in the best one: `HeldStore`. */
  readonly held: { readonly last: HeldDigests; readonly best: HeldDigests };
  /** What it took of the model that it went on from. */
  readonly start?: Start;
}

type HeldDigests = Readonly<Record<string, string>>;

/**
 * Trains a variant from the newest checkpoint in `checkpointFolder`, or from the beginning.
 * @throws StageError when training diverges. @throws signal.reason when aborted, after a checkpoint.
 */
export async function pretrain(asked: Pretraining): Promise<PretrainResult> {
  const settings = settingsOf(asked.variant, asked.settings);
  const options = { ...asked, settings };
  const { seed, helpers, replayed, log } = options;
  const participants = new Participants(options);
  if (replayed) {
    checkParticipations(replayed, settings.rounds, (round) => participants.ofRound(round, seed));
  }
  const start = options.from && startFrom(options.from, { ...options, participants });
  const { score } = helpers ?? {};
  const held = score === undefined
    ? new HeldStates(heldFolder(options.checkpointFolder))
    : heldElsewhere;
  let saved = [0, 0]; // rounds of the last two checkpoints
  const run = new Run<PretrainState>(
    options,
    () => start ? stateFrom(start, { ...options, participants, held }) : firstState(options),
    {
      sync: () => held.sync(),
      written(state) {
        held.keepNamed(heldDigests(state));
        saved = [saved[1], state.round];
      },
    },
  );
  const { state } = run;
  const programs = openPrograms(options);
  const { clock, files, metrics } = run;
  const leader = { ...options, score, participants, held, programs, clock, files, metrics };
  const parts = new LocalParts(options);
  if (run.isResumed) log.info("resumed", { round: state.round });
  else if (start) metrics.push(startRow(start));
  try {
    if (state.round === joiningRound) await trainJoiners(run, leader);
    while (state.round <= settings.rounds) { // line 1: for each round t
      const names = participants.ofRound(state.round, seed); // line 2: draw S_t
      const { leftOut: absent = {}, accepted } = replayed?.get(state.round) ?? {};
      const ahead = sendAhead(helpers, leader, state, names, absent);
      while (state.finished < names.length) { // line 3: for each source k in S_t
        const name = names[state.finished];
        const task = taskOf(leader, state, name, state.finished); // lines 4, 5: cut ϕ to V_k
        const answered = absent[name] !== undefined
          ? { kind: "leftOut", why: absent[name] } as const
          : await answeredOf(run, leader, task, ahead, parts) // lines 6, 7: InnerOPT
            .catch(async (error) => {
              if (leader.signal.aborted) await keepAhead(ahead, state, names, parts);
              throw error;
            });
        if (replayed) checkReplayed(task, answered, absent);
        keepAnswered(leader, state, task, answered);
        parts.dropAll(name);
        await run.saveIfDue();
      }
      requireAnswers(leader, state, names);
      await helpers?.close(state.round, state);
      if (accepted) state.accepted = { ...accepted };
      const averaging = await averageRound(leader, state, names); // lines 8 to 15: deltas, OuterOPT
      await closeRound(leader, state, names, averaging);
      await run.saveIfDue();
      await helpers?.forget(Math.min(...saved));
    }
    return { ...resultOf(leader, run), start }; // line 16: θ, ϕ, ψ
  } finally {
    await programs.dispose();
  }
}

/** What comes of a task: from the helper that has it, else from training in this process. */
async function answeredOf(
  run: Run<PretrainState>,
  leader: Leader,
  task: LocalTask,
  ahead: Ahead,
  parts: LocalParts,
): Promise<Answered> {
  const { round, name } = task;
  const monitor = run.monitor.of({ round, source: name }, run.metrics);
  const sent = ahead.get(name);
  if (sent === undefined) {
    const kept = run.state.record === undefined ? parts.of(task) : undefined;
    for (const { noted = [] } of [kept?.outcome ?? kept?.part ?? {}]) {
      for (const row of noted) monitor?.note(row);
    }
    const outcome = kept?.outcome ?? await trainHere(run, leader, task, kept?.part, monitor);
    return { kind: "made", outcome };
  }
  const answered = await run.stoppable(async () => {
    const answered = await sent;
    leader.signal.throwIfAborted();
    return answered;
  });
  if (answered.kind === "made") {
    for (const row of answered.outcome.noted ?? []) monitor?.note(row);
  }
  return answered;
}

/** Trains a participant in this process, with checkpoints within its training. */
async function trainHere(
  run: Run<PretrainState>,
  leader: Leader,
  task: LocalTask,
  part: LocalPart | undefined,
  monitor: Monitor | undefined,
): Promise<LocalOutcome> {
  const { name } = task;
  const beginning = beginningOf(leader, task);
  const record = run.state.record ??= part?.record ?? firstRecord(leader, task, beginning);
  const program = await leader.programs.get(leader.participants.vocabularyOf(name).size);
  const watch = { monitor, afterStep: () => run.saveIfDue(record.steps) };
  return await run.train(
    program,
    () => part?.current ?? beginning,
    () => trainLocally(leader, task, beginning, program, record, watch),
  );
}

function resultOf(
  leader: Leader,
  { state, monitor, clock }: Run<PretrainState>,
): Omit<PretrainResult, "start"> {
  const { best, read } = state;
  const { variant, settings, metrics, log } = leader;
  const round = state.round - 1;
  clock.logTo(log);
  const last = finishedModel(leader, { ...state, round });
  const ofBest = best && finishedModel(leader, best, state.held);
  const threshold = settings.warnings.epochs;
  addExposure(leader, Object.values(read).flat(), {
    run: `${variant.id}, pre-training,`,
    threshold,
  });
  return {
    last,
    best: ofBest ?? last,
    metrics: metrics.all(),
    monitors: monitor.rows(),
    bestRound: best?.round ?? round,
    bestLossNats: best?.lossNats ?? null,
    held: { last: state.held, best: best?.held ?? state.held },
  };
}
