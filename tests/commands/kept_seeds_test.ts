import assert from "node:assert/strict";
import { seriesOverSeeds } from "../../commands/kept_seeds.ts";
import type { Manifest } from "../../pipeline/manifest.ts";
import { pipeline } from "../support/command_line.ts";

/** A result of instance `evaluate/a`, or of `counts`, whose one output has the digest. */
function maker(instance: string, digest: string, root: number): Manifest {
  return manifest(instance, { seeds: { root, names: ["draws"] } }, { outputs: { losses: digest } });
}

/** A table of the losses and counts with these digests. */
function table(losses: string, madeAt: string, reference = "std"): Manifest {
  return manifest("table/t", {
    params: { reference },
    inputs: { "losses/a": losses, "losses/n": "same counts" },
  }, {
    key: `${losses} ${madeAt} ${reference}`,
    parents: { "losses/a": "evaluate/a#losses", "losses/n": "counts#losses" },
    provenance: { recipe: "r", deno: "2", platform: "p", cpu: "c", madeAt, durationMs: 1 },
  });
}

function manifest(instance: string, record: object, rest: object): Manifest {
  const made = { format: 1, instance, key: instance, outputs: {}, summary: {}, record, ...rest };
  return made as unknown as Manifest;
}

const makers = [
  ...[17, 18, 19].map((seed) => maker("evaluate/a", `of ${seed}`, seed)),
  ...[17, 18].map((seed) => maker("counts", "same counts", seed)), // counts of words are those of each seed
];

Deno.test("seriesOverSeeds() takes the newest result of each seed, in the order of seeds", () => {
  const tables = [
    table("of 18", "2026-01-02"),
    table("of 17", "2026-01-01"),
    table("of 18", "2026-01-03"),
  ];
  const [series, ...more] = seriesOverSeeds(tables, [...makers, ...tables]);
  assert.deepEqual(more, []);
  assert.deepEqual(series.seeds, ["17", "18"]);
  assert.deepEqual(
    series.manifests.map(({ key }) => key),
    ["of 17 2026-01-01 std", "of 18 2026-01-03 std"],
  );
});

Deno.test("seriesOverSeeds() keeps apart what has other parameters, and leaves out a seed that stands alone", () => {
  const tables = [
    table("of 17", "2026-01-01", "local"),
    table("of 18", "2026-01-01", "local"),
    table("of 17", "2026-01-01", "std"),
  ];
  const series = seriesOverSeeds(tables, [...makers, ...tables]);
  assert.deepEqual(series.map(({ manifests }) => manifests.map(({ key }) => key)), [
    ["of 17 2026-01-01 local", "of 18 2026-01-01 local"],
  ]);
});

Deno.test("seriesOverSeeds() leaves out a table whose seed nothing tells", () => {
  const tables = [table("of 17", "2026-01-01"), table("made elsewhere", "2026-01-01")];
  assert.deepEqual(seriesOverSeeds(tables, [...makers, ...tables]), []);
});

Deno.test("table --over-seeds without --kept says what to do", async () => {
  const { code, stderr } = await pipeline(["table", "--over-seeds"]);
  assert.equal(code, 2);
  assert.match(stderr, /expected --kept with --over-seeds, found the latter alone/);
});
