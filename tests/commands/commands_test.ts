import assert from "node:assert/strict";
import { join } from "node:path";
import { exitCode } from "../../commands/run.ts";
import { toyHere } from "../support/captured.ts";
import { inTemporaryFolder, namesIn, toy } from "../support/toy_cli.ts";

const usageErrors: Readonly<Record<string, [string[], RegExp]>> = {
  "an unknown stage": [
    ["run", "wlak"],
    /^error: Cannot plan "wlak": expected a stage \(all, words, walk, table\) .*did you mean "walk"\?\)\n$/,
  ],
  "an unknown instance": [
    ["run", "words/c"],
    /^error: Cannot plan "words\/c": .* has words\/a, words\/b/,
  ],
  "an impossible instance": [
    ["run", "walk/a/up"],
    /^error: Cannot plan "walk\/a\/up": rule "up" is none of left, right\n$/,
  ],
  "a pattern that fits nothing": [["run", "*/z"], /matches none of the 7 instances/],
  "an unknown command": [["stauts"], /unknown command 'stauts'\n\(Did you mean status\?\)/],
  "an unknown option": [["run", "--job", "2"], /unknown option '--job'\n\(Did you mean --jobs\?\)/],
  "a wrong number": [
    ["run", "--jobs", "many"],
    /Cannot accept --jobs many: expected a whole number/,
  ],
  "an option given twice": [
    ["run", "--jobs", "1", "-j", "2"],
    /^error: Cannot accept --jobs 2: expected it once, found 1 before it\n$/,
  ],
  "a wrong instance whose stage is mistyped": [["run", "wrods/a"], /did you mean "words\/a"/],
  "a wrong override": [["run", "--set", "steps=x"], /^error: --set steps=x: Cannot accept steps/],
  "a missing file": [
    ["run", "--set", "data=nowhere"],
    /^error: Cannot read "\/.*\/nowhere\/a\.txt" for words\/a: expected a file, found nothing\n$/,
  ],
  "an unknown format": [["table", "--format", "tsv"], /Cannot print a table as "tsv".*csv/],
  "an unknown table": [["table", "end"], /Cannot print table "end" \(did you mean "ends"\?\)/],
};

for (const [what, [args, message]] of Object.entries(usageErrors)) {
  Deno.test(`command line: ${what} ends with code 2 and a way out`, async () => {
    await inTemporaryFolder(async (folder) => {
      const { code, stderr } = await toyHere(join(folder, "store"), args);
      assert.match(stderr, message);
      assert.equal(code, 2);
    });
  });
}

Deno.test("command line: a folder of other things, or of another format, is no store", async () => {
  await inTemporaryFolder(async (folder) => {
    Deno.writeTextFileSync(join(folder, "thesis.txt"), "");
    const other = await toyHere(folder, ["run"]);
    assert.equal(other.code, 2);
    assert.match(other.stderr, /Cannot use ".*" as a store: .* found other files/);
    assert.deepEqual(namesIn(folder), ["thesis.txt"]);
    Deno.writeTextFileSync(join(folder, "format"), "2\n");
    assert.match(
      (await toyHere(folder, ["status"])).stderr,
      /expected format 1, found 2; choose another/,
    );
  });
});

Deno.test("command line: what is no folder, or cannot be one, is no store", async () => {
  await inTemporaryFolder(async (folder) => {
    const at = (name: string) => join(folder, name);
    Deno.writeTextFileSync(at("file"), "");
    Deno.symlinkSync(at("circle"), at("circle"));
    const places = {
      "file": "a file in place of a folder",
      "file/store": "a file in place of a folder",
      "circle": "links that lead in a circle",
      ["n".repeat(300)]: "a name that is too long",
      "a\0b": "a name that the system does not take",
    };
    for (const [name, found] of Object.entries(places)) {
      for (
        const args of [["status"], ["run"], ["why", "words/a"], ["verify"], ["gc"], [
          "push",
          at("x.tar"),
        ]]
      ) {
        const { code, stderr } = await toyHere(at(name), args);
        const message = `error: Cannot use "${
          at(name)
        }" as a store: expected a folder, found ${found}; choose another with --store DIR\n`;
        assert.deepEqual([code, stderr], [2, message.replace("\0", "\\u0000")]);
      }
    }
    const { code, stderr } = await toyHere(at("nowhere"), ["verify"]);
    assert.match(
      stderr,
      /^error: Cannot verify ".*nowhere": expected a store, found none there\n$/,
    );
    assert.equal(code, 2);
    assert.deepEqual(namesIn(folder), ["circle", "file"]);
  });
});

Deno.test("table: prints what is there in every format, and makes a table whose inputs are there", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    const early = await toy(store, "table");
    assert.equal(early.code, 2);
    assert.match(
      early.stderr,
      /must run first; do: deno task pipeline run --recipe toy --store \S+\n$/,
    );
    await toy(store, "run", "walk");
    const text = await toy(store, "table");
    assert.equal(text.code, 0, text.stderr);
    assert.match(text.stdout, /^Ends\na\/left {2}\d+\n.*\n.*\nb\/right {2}\d+\n$/);
    const [json] = JSON.parse((await toy(store, "table", "ends", "--format", "json")).stdout);
    assert.deepEqual(json.rows.map((row: { name: string }) => row.name), [
      "a/left",
      "a/right",
      "b/left",
      "b/right",
    ]);
  });
});

Deno.test("table: of several tables those that can be made are printed, then why the others cannot", async () => {
  await inTemporaryFolder(async (store) => {
    await toy(store, "run", "words");
    const late = await toy(store, "table", "ends", "words");
    assert.equal(late.code, 2);
    assert.match(late.stdout, /^Ends\na {2}\d+\nb {2}\d+\n$/);
    assert.match(
      late.stderr,
      /^error: Cannot print table\/ends: walk\/a\/left, .* must run first; do: .* run table\/ends /,
    );
    const impossible = await toyHere(store, ["table", "words", "none"]);
    assert.equal(impossible.code, 2);
    assert.equal(impossible.stdout, late.stdout);
    assert.match(impossible.stderr, /^error: Cannot make table "none": expected a recipe/);
    const both = await toyHere(store, ["table", "none", "ends", "words", "--format", "json"]);
    assert.equal(JSON.parse(both.stdout).length, 1);
    assert.match(
      both.stderr,
      /^error: Cannot make table "none".*\nerror: Cannot print table\/ends/,
    );
    assert.equal((await toyHere(store, ["table", "none"])).code, 2);
  });
});

Deno.test("exitCode(): 0 only when every instance is done", () => {
  const ends = { ran: ["a"], cached: ["b"], failed: [], left: [] };
  assert.equal(exitCode(ends, undefined), 0);
  assert.equal(exitCode({ ...ends, left: ["c"] }, undefined), 1);
  assert.equal(exitCode({ ...ends, failed: ["c"] }, undefined), 1);
  assert.equal(exitCode({ ...ends, left: ["c"] }, "SIGINT"), 130);
  assert.equal(exitCode({ ...ends, failed: ["c"] }, "SIGTERM"), 143);
});

Deno.test("status --json tells each instance's state, key and outputs", async () => {
  await inTemporaryFolder(async (folder) => {
    await toy(folder, "run", "words/a");
    const { code, stdout } = await toy(folder, "status", "walk/a/left", "walk/b/left", "--json");
    assert.equal(code, 3);
    const { instances } = JSON.parse(stdout);
    const states = instances.map((
      it: { instance: string; state: string },
    ) => [it.instance, it.state]);
    assert.deepEqual(states, [
      ["words/a", "fresh"],
      ["words/b", "run"],
      ["walk/a/left", "run"],
      ["walk/b/left", "waiting"],
    ]);
    assert.match(instances[0].outputs.words, /^[0-9a-f]{64}$/);
    assert.deepEqual(instances[0].summary, { words: 50 });
  });
});

Deno.test("run: an input that was damaged is found, named and made again", async () => {
  await inTemporaryFolder(async (store) => {
    await toy(store, "run", "words/a");
    const [path] = [...filesUnder(join(store, "objects"))].filter((path) => path.endsWith(".txt"));
    Deno.chmodSync(path, 0o644);
    Deno.truncateSync(path, 3);
    const result = await toy(store, "run", "walk/a/left");
    assert.equal(result.code, 0, result.stderr);
    assert.match(
      result.stdout,
      /warning words\/a .* is damaged and is made again: expected \d+ bytes in ".*words\.txt", found 3\n/,
    );
    assert.match(result.stdout, /done +words\/a +1\/2 (.*\n)*.*ran 2, cached 0/);
  });
});

function* filesUnder(folder: string): Generator<string> {
  for (const { name, isDirectory } of Deno.readDirSync(folder)) {
    if (isDirectory) yield* filesUnder(join(folder, name));
    else yield join(folder, name);
  }
}
