/**
 * `runs`, and the history of a store that it reads.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { type PastRun, pastRun, pastRuns, RunHistory } from "../../pipeline/run_history.ts";
import { Store } from "../../pipeline/store.ts";
import { toyHere } from "../support/captured.ts";
import { filesIn, inTemporaryFolder, namesIn, toy } from "../support/toy_cli.ts";

const key = (digit: string) => digit.repeat(64);

Deno.test("RunHistory numbers runs, and what a kill leaves of one is a run that did not end", async () => {
  await inTemporaryFolder((folder) => {
    const store = Store.open(join(folder, "store"), { create: true });
    assert.deepEqual(pastRuns(store), []);
    const first = new RunHistory(store, { recipe: "toy", set: ["a=1"] }, ["walk"], [[
      "walk/a",
      key("a"),
    ]]);
    first.add("walk/b", key("b"));
    first.end({ durationMs: 1500, ran: 1, cached: 1, failed: 0, left: 0 });
    const second = new RunHistory(store, { recipe: "toy", set: [] }, [], []);
    second.add("walk/a", key("c"));
    const path = join(store.folder, "history", "2.jsonl");
    Deno.writeTextFileSync(path, '["walk/b", "12', { append: true }); // a kill
    Deno.writeTextFileSync(join(store.folder, "history", "3.jsonl"), "no record\n");
    const [newest, oldest] = pastRuns(store);
    assert.deepEqual([newest.number, newest.end, [...newest.keys]], [2, undefined, [[
      "walk/a",
      key("c"),
    ]]]);
    const { at: _, ...rest } = oldest;
    assert.deepEqual(
      rest,
      {
        number: 1,
        identity: { recipe: "toy", set: ["a=1"] },
        targets: ["walk"],
        keys: new Map([["walk/a", key("a")], ["walk/b", key("b")]]),
        end: { durationMs: 1500, ran: 1, cached: 1, failed: 0, left: 0 },
      } satisfies Omit<PastRun, "at">,
    );
    assert.equal(pastRun(store, 3), undefined);
    assert.equal(pastRun(store, 4), undefined);
    assert.deepEqual(pastRuns(store, 1).length, 0, "the newest of all is no record");
  });
});

Deno.test("runs: lists what was asked for and how it ended, and nothing of a run that had nothing to do", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    const none = await toyHere(store, ["runs"]);
    assert.equal(none.code, 2);
    assert.match(none.stderr, /Cannot list the runs of ".*store": expected a store, found none/);

    assert.equal((await toy(store, "run", "words")).code, 0);
    assert.equal((await toy(store, "run", "words")).code, 0);
    const failed = await toy(store, "run", "--set", "fault={source: a, kind: data}");
    assert.equal(failed.code, 1);
    assert.deepEqual(namesIn(join(store, "history")), ["1.jsonl", "2.jsonl"]);
    const before = filesIn(store);
    const { stdout, stderr, code } = await toyHere(store, ["runs"]);
    assert.deepEqual([code, stderr], [0, ""]);
    const [head, second, first] = stdout.split("\n");
    assert.match(head, /^run {2}began +recipe +ran +cached +took$/);
    assert.match(
      second,
      /^ {2}2 {2}\d{4}-\d\d-\d\d \d\d:\d\d {2}toy fault=\{source: a, kind: data\} .* failed$/,
    );
    assert.match(first, /^ {2}1 {2}.* {2}toy \(words\) +\d+ +0 +[\d.]+ m?s {2}done$/);
    const { runs } = JSON.parse((await toyHere(store, ["runs", "--json"])).stdout);
    assert.deepEqual(
      runs.map((run: { run: number; recipe: string; targets: string[] }) => [
        run.run,
        run.recipe,
        run.targets,
      ]),
      [[2, "toy", []], [1, "toy", ["words"]]],
    );
    assert.equal(runs[1].end.ran, runs[1].instances);
    assert.ok(runs[0].end.failed > 0 && runs[0].end.left >= 0);
    assert.equal(
      JSON.parse((await toyHere(store, ["runs", "--json", "--last", "1"])).stdout).runs.length,
      1,
    );
    assert.deepEqual(filesIn(store), before, "looking writes nothing");
  });
});
