/**
 * Leader, workers and server are killed at random moments, and rounds end with the records of a run that nothing happens to. In
 * long: `deno task instruments exchange-kills`.
 */
import assert from "node:assert/strict";
import { killedRun, killPlace } from "../instruments/exchange_kills.ts";
import { whyNoNatsServer } from "../support/nats_server.ts";
import { whyNoRadosgw } from "../support/radosgw.ts";

/** So many rounds that a run takes some seconds where it meets. */
const kinds = {
  folder: { rounds: 25, whyNot: undefined },
  s3: { rounds: 10, whyNot: whyNoRadosgw() },
  nats: { rounds: 30, whyNot: whyNoNatsServer() },
};

for (const [kind, { rounds, whyNot }] of Object.entries(kinds)) {
  const skipped = whyNot === undefined ? "" : `: skipped: ${whyNot}`;
  Deno.test({
    name: `rounds over ${kind} end with the same records, whoever is killed${skipped}`,
    ignore: skipped !== "",
  }, async () => {
    await using place = await killPlace(kind);
    const killed = await killedRun(place, { kills: 4, rounds, seed: 2 });
    assert.ok(Object.values(killed).reduce((sum, n) => sum + n) >= 2, JSON.stringify(killed));
  });
}
