/**
 * For whom a leader waits, and how it closes a round.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { answersNeeded } from "../../stages/round_deadline.ts";
import { answer, moved, run, take, train, withParty } from "../support/two_silos.ts";

Deno.test("ExchangeRounds leaves out a change that is longer than four times the median of the last rounds", () =>
  withParty(async (party) => {
    // Every value is moved by 0.25: (16 × 0.25²)^½ = 1
    const cases = [
      [[[0.01, 0.26], [0.26, 100]], true],
      [[[0.01, 0.24], [0.24, 100]], false],
      [[[0.01, 0.01, 0.01, 0.01]], true], // of one round
      [[[0.01], [0.01, 0.01]], true], // three answers
    ] as const;
    for (const [i, [norms, isTaken]] of cases.entries()) {
      const answered = train(party.lead(), { norms, round: i + 1 }, ["it"]);
      await answer(party, await take(party, "it"), moved);
      const it = await answered("it");
      if (isTaken) {
        assert(it.kind === "made");
        assert.equal(it.outcome.sharedNorm, 1);
      } else {
        assert.deepEqual(it, {
          kind: "leftOut",
          why:
            "expected a change of at most 4 times the median of the last rounds, 0.24, found one of 1",
        });
      }
    }
  }));

Deno.test("ExchangeRounds waits for a silo that declines, and says each reason once", () =>
  withParty(async (party) => {
    const answered = train(party.lead(), {}, ["it"]);
    for (const [reason, said] of [["disk full", 1], ["disk full", 1], ["other code", 2]] as const) {
      const task = await take(party, "it"); // another worker each time: one that has declined rests for a minute
      await task.decline({ reason, at: crypto.randomUUID() });
      if (said > party.warnings.length) await until(() => party.warnings.length === said);
    }
    assert.deepEqual(party.warnings, [
      "it cannot answer in round 1 now: disk full",
      "it cannot answer in round 1 now: other code",
    ]);
    await answer(party, await take(party, "it"), moved);
    assert.equal((await answered("it")).kind, "made");
  }));

Deno.test("ExchangeRounds ends the run at a task that the user's own silos have declined twice", () =>
  withParty(async (party) => {
    const answered = train(party.lead({ silos: "own" }), {}, ["it"]);
    await (await take(party, "it")).decline({ reason: "disk full", at: "1" });
    await until(() => party.warnings.length === 1);
    await (await take(party, "it")).decline({ reason: "no such engine", at: "2" });
    await assert.rejects(answered("it"), { name: "StageError", message: "no such engine" });
    assert.deepEqual(party.warnings, ["it cannot answer in round 1 now: disk full"]);
  }));

Deno.test("ExchangeRounds that starts again leaves out whom the record of the round does, and wants the answers that it names", () =>
  withParty(async (party) => {
    const first = party.lead();
    const answered = train(first);
    await answer(party, await take(party, "fr"), moved);
    const fr = await answered("fr");
    assert(fr.kind === "made");
    const record = { accepted: { fr: fr.outcome.answer! }, leftOut: { it: "silent for 1 s" } };
    await first.close(1, record);

    const again = party.lead();
    // It is there by now, and would be too long a change: what is closed is closed.
    const second = train(again, { norms: [[0.01, 0.01], [0.01, 0.01]] });
    assert.deepEqual(await second("it"), { kind: "leftOut", why: "silent for 1 s" });
    const frAgain = await second("fr");
    assert(frAgain.kind === "made");
    assert.equal(frAgain.outcome.answer, fr.outcome.answer);
    await again.close(1, record);
    await assert.rejects(again.close(1, { ...record, leftOut: {} }), /it was closed with others/);

    // The object of the answer is gone.
    Deno.removeSync(join(party.place, "up/fr", run, "objects/1"), { recursive: true });
    await assert.rejects(
      train(party.lead())("fr"),
      /^StageError: Cannot go on with round 1, which is closed: expected the answer of fr that was accepted, found /,
    );
  }));

Deno.test("ExchangeRounds closes a round without the silent once its quorum is there and the time is over", () =>
  withParty(async (party) => {
    const rounds = party.lead({ quorum: { share: 0.5, afterSeconds: 0.5 } });
    const began = performance.now();
    const answered = train(rounds);
    let isSettled = false;
    const it = answered("it").finally(() => isSettled = true);
    await sleep(600);
    assert.equal(isSettled, false, "half of the round must be there first");
    await answer(party, await take(party, "fr"), moved);
    assert.deepEqual(await it, { kind: "leftOut", why: "silent for 0.5 s" });
    assert(performance.now() - began >= 500);
    assert.equal((await answered("fr")).kind, "made");
    assert.deepEqual(party.warnings, ["left it out of round 1: silent for 0.5 s"]);
    assert.deepEqual(
      [...Deno.readDirSync(join(party.place, "down/it/tasks"))],
      [],
      "its task is taken back",
    );
  }));

Deno.test("RoundDeadline needs the share of all who were drawn for the round", () => {
  const needed = [[1, 3], [0.75, 4], [0.75, 5], [0.7, 10], [0.01, 8]] as const;
  assert.deepEqual(needed.map(([share, sampled]) => answersNeeded(share, sampled)), [
    3,
    3,
    4,
    7,
    1,
  ]);
});

async function until(isSo: () => boolean): Promise<void> {
  while (!isSo()) await sleep(10);
}

function sleep(ms: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, ms));
}
