/**
 * Many silos in a simulation: the rounds of a real leader. In long: `deno task instruments federation`.
 */
import assert from "node:assert/strict";
import { measureLeader, simulatedText } from "../instruments/federation.ts";
import { defaultSimulation, simulate } from "../support/simulated_federation.ts";
import { VirtualTime } from "../support/virtual_time.ts";

const options = {
  ...defaultSimulation,
  variant: "spec",
  sources: 200,
  perRound: 8,
  rounds: 3,
} as const;

Deno.test("VirtualTime fires timers in the order of their times, and nobody waits", async () => {
  using time = new VirtualTime();
  const fired: string[] = [];
  const begun = time.realMs();
  await time.run(async () => {
    setTimeout(() => fired.push("hour"), 3_600_000);
    setTimeout(() => fired.push("second"), 1000);
    setTimeout(() => fired.push("second, later asked"), 1000);
    clearTimeout(setTimeout(() => fired.push("cleared"), 10));
    const beat = setInterval(() => fired.push(`beat ${performance.now()}`), 400);
    await new Promise((resolve) => setTimeout(resolve, 900));
    clearInterval(beat);
    await new Promise((resolve) => setTimeout(resolve, 7_200_000));
  });
  assert.deepEqual(fired, ["beat 400", "beat 800", "second", "second, later asked", "hour"]);
  assert.equal(time.nowMs, 7_200_900);
  assert.ok(time.realMs() - begun < 60_000);
});

Deno.test("simulate() gives the same text for the same seed, and another for another", async () => {
  const [first, again, other] = [
    await simulate(options),
    await simulate(options),
    await simulate({ ...options, seed: 2 }),
  ];
  const text = simulatedText(options, first);
  assert.equal(simulatedText(options, again), text);
  assert.notEqual(simulatedText(options, other), text);
  assert.deepEqual(first.rounds.map(({ turns }) => turns.length), [8, 8, 8]);
  assert.ok(text.split("\n").every((line) => line.startsWith("simulated  ")), text);
  assert.equal(first.silos.up.objects, first.leader.down.objects); // what is put is got
});

Deno.test("who is silent holds up a round until its deadline, and not once more to score it", async () => {
  const { rounds: [first, second] } = await simulate({
    ...options,
    variant: "trim",
    sources: 16,
    perRound: 8,
    rounds: 2,
    offlineShare: 0.2,
    outageHours: 1000, // who is away stays away
    quorum: { share: 0.5, afterSeconds: 7200 },
  });
  assert.ok(first.leftOut > 0, "some are away");
  assert.ok(first.closedMs - first.offeredMs >= 7_200_000);
  assert.ok(second.offeredMs - first.closedMs < 3_600_000, `${second.offeredMs} ${first.closedMs}`);
});

Deno.test("a leader of 5,000 sources holds as much as one of 50", async () => {
  const round = { ...options, rounds: 2, offlineShare: 0 };
  const few = await measureLeader({ ...round, sources: 50 });
  const many = await measureLeader({ ...round, sources: 5000 });
  const moreBytes = many.heldBytes - few.heldBytes;
  // A map of the vocabulary for each would be 4950 · 12 kB, 59 MB, and a body 203 MB; 15 MB were seen where garbage was not all collected.
  assert.ok(
    moreBytes < 40e6,
    `${few.heldBytes} bytes with 50 sources, ${many.heldBytes} with 5,000`,
  );
});
