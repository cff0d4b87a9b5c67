import assert from "node:assert/strict";
import { join } from "node:path";
import { toyHere } from "../support/captured.ts";
import {
  eventsOf,
  finishedStore,
  inTemporaryFolder,
  namesIn,
  objectsIn,
  ranIn,
  toy,
} from "../support/toy_cli.ts";

const everything = [
  "table/ends",
  "walk/a/left",
  "walk/a/right",
  "walk/b/left",
  "walk/b/right",
  "words/a",
  "words/b",
];

Deno.test("run: makes what is missing, then has nothing to do", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    assert.equal((await toy(store, "status")).code, 3);
    assert.deepEqual(namesIn(store), [], "status makes no store");
    const first = await toy(store, "run");
    assert.equal(first.code, 0, first.stderr);
    assert.match(first.stdout, /7 instances: 2 to run, 5 that wait for these, 0 cached/);
    assert.match(first.stdout, /done\s+words\/a\s.*words=50/);
    assert.match(first.stdout, /ran 7, cached 0/);
    assert.match(first.stdout, /Ends\na\/left {2}\d+\n/);
    const second = await toy(store, "run");
    assert.equal(second.code, 0);
    assert.match(
      second.stdout,
      /^Nothing to do: all 7 instances of "toy" are fresh \(.*\)\n.*table --recipe toy --store \S+\n$/,
    );
    const fresh = {
      "words/a": "words/a is",
      "walk/a/left": "walk/a/left and the 1 that it needs are",
      "walk/*": "4 instances and the 2 that they need are",
    };
    for (const [target, text] of Object.entries(fresh)) {
      const { stdout } = await toyHere(store, ["run", target, "--dry-run"]);
      assert.ok(stdout.startsWith(`Nothing to do: ${text} fresh (`), stdout);
    }
    const { stdout: tables } = await toyHere(store, ["table", "ends", "table/ends"]);
    assert.equal(tables.match(/^Ends$/gm)?.length, 1, "a table named twice is printed once");
    assert.equal((await toy(store, "status")).code, 0);
    assert.deepEqual(namesIn(join(store, "tmp")), []);
    assert.deepEqual(namesIn(join(store, "checkpoints")), []);
  });
});

Deno.test("run: the order and number of processes change no byte", async () => {
  await inTemporaryFolder(async (folder) => {
    const stores = ["one", "four"].map((name) => join(folder, name));
    await Promise.all([toy(stores[0], "run", "--jobs", "1"), toy(stores[1], "run", "--jobs", "4")]);
    assert.deepEqual(objectsIn(stores[1]), objectsIn(stores[0]));
    assert.deepEqual(namesIn(join(stores[1], "manifests")), namesIn(join(stores[0], "manifests")));
    assert.equal(Object.keys(objectsIn(stores[0])).length, 7);
  });
});

Deno.test("run: a change reruns what it reaches and says why", async () => {
  await inTemporaryFolder(async (store) => {
    await finishedStore(store);
    const retitled = ["--set", "title=New"];
    const dry = await toy(store, "run", "--dry-run", ...retitled);
    assert.match(dry.stdout, /run\s+table\/ends\s+parameter title: "Ends" → "New"\n/);
    assert.deepEqual(ranIn(await toy(store, "run", "--json", ...retitled)), ["table/ends"]);
    const seeded = await toy(store, "run", "--dry-run", "--set", "seed=2");
    assert.match(seeded.stdout, /run\s+words\/a\s+seed: 1 → 2\n/);
    const longer = await toy(store, "run", "--json", "--set", "steps=9");
    assert.deepEqual(ranIn(longer), everything.filter((id) => !id.startsWith("words")));
    assert.deepEqual(
      ranIn(await toy(store, "run", "--json")),
      [],
      "the old results are still there",
    );
  });
});

Deno.test("run: equal bytes of an input cut a rerun short, and paths do not count", async () => {
  await inTemporaryFolder(async (folder) => {
    const [store, data, moved] = ["store", "data", "moved"].map((name) => join(folder, name));
    Deno.mkdirSync(data);
    Deno.writeTextFileSync(join(data, "a.txt"), "one two three");
    Deno.writeTextFileSync(join(data, "b.txt"), "four five");
    assert.equal(ranIn(await toy(store, "run", "--json", "--set", `data=${data}`)).length, 7);
    Deno.writeTextFileSync(join(data, "a.txt"), "Two ONE three");
    const result = await toy(store, "run", "--json", "--set", `data=${data}`);
    assert.deepEqual(ranIn(result), ["words/a"]);
    const cached = eventsOf(result).filter(({ type }) => type === "cached");
    assert.equal(cached.length, 3); // both walks over a, and the table
    Deno.renameSync(data, moved);
    assert.deepEqual(ranIn(await toy(store, "run", "--json", "--set", `data=${moved}`)), []);
    // No seed is declared for words that are read: another seed leaves them fresh.
    const seeded = await toy(store, "run", "--json", "--set", `data=${moved}`, "--set", "seed=9");
    assert.deepEqual(ranIn(seeded), everything.filter((id) => !id.startsWith("words")));
  });
});

Deno.test("run: two instances that are the same action are computed once", async () => {
  await inTemporaryFolder(async (folder) => {
    const [store, data] = ["store", "data"].map((name) => join(folder, name));
    Deno.mkdirSync(data);
    for (const source of ["a", "b"]) Deno.writeTextFileSync(join(data, `${source}.txt`), "x y z");
    const set = ["--set", `data=${data}`, "--set", "delayMs=20"];
    const result = await toy(store, "run", "--json", "--jobs", "4", ...set);
    assert.equal(result.code, 0, result.stderr);
    const walks = ranIn(result).filter((id) => id.startsWith("walk"));
    assert.equal(walks.length, 2, "one for each rule");
    assert.equal(eventsOf(result).filter(({ type }) => type === "cached").length, 2);
  });
});

Deno.test("run: targets, patterns, --only and --force say what runs", async () => {
  await inTemporaryFolder(async (store) => {
    const only = await toy(store, "run", "walk/a/left", "--only");
    assert.equal(only.code, 2);
    assert.match(
      only.stderr,
      /^error: Cannot run only walk\/a\/left: .* words\/a would have to run/,
    );
    const one = await toy(store, "run", "walk/a/left", "--json");
    assert.deepEqual(ranIn(one), ["walk/a/left", "words/a"]);
    assert.deepEqual(ranIn(await toy(store, "run", "walk/*/right", "--json")), [
      "walk/a/right",
      "walk/b/right",
      "words/b",
    ]);
    assert.deepEqual(ranIn(await toy(store, "run", "walk/b", "--only", "--json")), ["walk/b/left"]);
    assert.deepEqual(ranIn(await toy(store, "run", "words", "--force", "--json")), [
      "words/a",
      "words/b",
    ]);
    assert.deepEqual(ranIn(await toy(store, "run", "--json")), ["table/ends"]);
  });
});

const failures: Readonly<Record<string, RegExp>> = {
  data:
    /^error: walk\/a\/left failed: Cannot walk on "words\.txt": expected paths, found none\n {2}log: /,
  defect:
    /^error: walk\/a\/left failed: TypeError: Cannot read properties of undefined.*\n.*walk\.ts:/,
  exit: /^error: walk\/a\/left failed: Its process ended with code 7/,
  link: /^error: walk\/a\/left failed: Cannot publish output "walk": .* a link at "link"/,
};

for (const [kind, message] of Object.entries(failures)) {
  Deno.test(`run: a stage that fails (${kind}) ends with code 1 and leaves no result`, async () => {
    await inTemporaryFolder(async (store) => {
      const fault = `fault={source: a, kind: ${kind}}`;
      const result = await toy(store, "run", "walk/a/left", "--set", fault);
      assert.equal(result.code, 1);
      assert.match(result.stderr, message);
      assert.equal(result.stderr.match(/failed/g)?.length, 1, "the message comes once");
      assert.match(result.stdout, /ran 1, cached 0, failed 1 \(walk\/a\/left\)/);
      assert.deepEqual(Object.keys(objectsIn(store)), ["words/a#words"]);
      assert.deepEqual(namesIn(join(store, "tmp")), []);
      const log = /log: (.*)\n/.exec(result.stderr)![1];
      assert.match(Deno.readTextFileSync(log), /-- walk\/a\/left, started .*\n(.*\n)*-- failed\n$/);
    });
  });
}

Deno.test("run --keep-going does what does not need the failed one", async () => {
  await inTemporaryFolder(async (store) => {
    const fault = ["--set", "fault={source: a, kind: data}"];
    const result = await toy(store, "run", "--jobs", "1", "--json", "--keep-going", ...fault);
    assert.equal(result.code, 1);
    assert.deepEqual(ranIn(result), ["walk/b/left", "walk/b/right", "words/a", "words/b"]);
    const summary = eventsOf(result).find((event) => event.type === "summary")!;
    assert.deepEqual(summary.failed, ["walk/a/left", "walk/a/right"]);
    assert.deepEqual(summary.left, ["table/ends"]);
  });
});

Deno.test("run: what stages and libraries print goes to the log, not between events", async () => {
  await inTemporaryFolder(async (store) => {
    const result = await toy(store, "run", "words/a", "--json");
    const done = eventsOf(result).find((event) => event.type === "done")!;
    const log = Deno.readTextFileSync(join(store, "logs", `${done.key}.log`));
    assert.match(log, /a library prints to the console\n/);
    assert.match(log, /info: sorted \{"words":50\}\n/);
    assert.deepEqual(done.summary, { words: 50 });
  });
});
