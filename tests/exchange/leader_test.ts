/**
 * What a leader asks of the place that it meets its silos at.
 */
import assert from "node:assert/strict";
import { FolderBytes } from "../../exchange/folder.ts";
import { Leader } from "../../exchange/leader.ts";
import { makeKeyPair } from "../../exchange/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";
import { CountedBytes } from "../support/counted_bytes.ts";

Deno.test("Leader.forget() looks once at all sources, then only at those that were asked since or have something left", async () => {
  using folder = temporaryFolder();
  const place = new CountedBytes(new FolderBytes(folder.path));
  const { privateKey, publicKey } = makeKeyPair();
  const sources = Array.from({ length: 20 }, (_, i) => `silo-${i}`);
  const run = "0".repeat(64);
  const silos = Object.fromEntries(sources.map((name) => [name, publicKey]));
  await using leader = new Leader(place, { run, privateKey, silos });
  const requestsOf = async (beforeRound: number) => {
    const before = place.traffic.requests;
    await leader.forget(beforeRound);
    return place.traffic.requests - before;
  };
  for (const round of [1, 2]) await leader.offer({ run, round, source: "silo-3" });
  // The shared folder, and four of each source; an offer that is taken back.
  assert.equal(await requestsOf(2), 1 + 4 * 20 + 1);
  assert.equal(await requestsOf(2), 1 + 4); // the offer of round 2 is left
  assert.equal(await requestsOf(3), 1 + 4 + 1);
  assert.equal(await requestsOf(3), 1);
  await leader.offer({ run, round: 3, source: "silo-7" });
  assert.equal(await requestsOf(4), 1 + 4 + 1);
  assert.deepEqual(await place.list("down/silo-7/tasks"), []);
});
