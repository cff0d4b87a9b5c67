/**
 * A run that closes rounds without a silo that is silent, and the run that replays it, by commands.
 */
import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";
import { madeOf, pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";
import { TalkingProcess } from "../support/talking_process.ts";

const target = "pretrain/spec";
const settings = [
  "pretrain.variants=[spec]",
  "pretrain.rounds=2",
  "pretrain.localSteps=300",
  "engine.kind=reference",
];
const words = ["--recipe", tinyRecipe, ...settings.flatMap((setting) => ["--set", setting])];

const made = (options: readonly string[]) => madeOf(target, options);

Deno.test("a run with a quorum goes on without who is late, and run --participants gives its bytes", async () => {
  using folder = temporaryFolder();
  const [store, other] = [join(folder.path, "store"), join(folder.path, "other")];
  const prepared = await pipeline(["run", "tokenize", "--quiet", ...words, "--store", store]);
  assert.equal(prepared.code, 0, prepared.stderr);
  cpSync(store, other, { recursive: true });

  // One silo takes one source after the other: a round is closed when the first of them is there.
  const quorum = ["--set", "pretrain.quorum={share: 0.5, afterSeconds: 0.01}"];
  const options = [...words, ...quorum, "--store", store];
  const exchange = ["--exchange", `folder:${join(folder.path, "exchange")}`];
  const silo = new TalkingProcess(["silo", target, ...options, ...exchange]);
  await silo.says(/waits for tasks/);
  const leader = new TalkingProcess(["run", target, ...options, ...exchange, "--workers", "0"]);
  assert.equal((await leader.ended).code, 0, leader.text);
  assert.match(leader.text, /left code out of round \d/);
  assert.equal((await silo.ended).code, 0, silo.text);

  const first = await made(options);
  assert.equal(first.summary.reproducible, "by participants");
  const metrics = (await pipeline(["path", `${target}#metrics`, ...options])).stdout.trim();
  const file = join(folder.path, "who.jsonl");
  Deno.copyFileSync(join(metrics, "participants.jsonl"), file);
  const rows = Deno.readTextFileSync(file).trim().split("\n").map((row) => JSON.parse(row));
  assert.ok(rows.some(({ leftOut }) => leftOut.code === "silent for 0.01 s"), JSON.stringify(rows));

  const alone = [...words, "--store", other];
  const replay = await pipeline(["run", target, "--quiet", ...alone, "--participants", file]);
  assert.equal(replay.code, 0, replay.stderr);
  const second = await made([...alone, "--set", `pretrain.participants=${file}`]);
  assert.deepEqual(second.outputs, first.outputs);
  assert.notEqual(second.key, first.key);
  assert.equal(second.summary.reproducible, undefined, "its key names who took part");

  Deno.writeTextFileSync(file, `${JSON.stringify({ ...rows[0], sampled: ["code", "mail"] })}\n`);
  const wrong = await pipeline(["run", target, "--quiet", ...alone, "--participants", file]);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /Cannot replay round \d: expected code, mail in it/);
  Deno.writeTextFileSync(file, "{}\n");
  const bad = await pipeline(["run", target, "--quiet", ...alone, "--participants", file]);
  assert.notEqual(bad.code, 0);
  assert.match(bad.stderr, /Cannot read participants in "who.jsonl", line 1: expected a round/);
  const none = ["--participants", join(folder.path, "none.jsonl")];
  const absent = await pipeline(["run", target, "--quiet", ...alone, ...none]);
  assert.notEqual(absent.code, 0);
  assert.match(absent.stderr, /none\.jsonl/);
});
