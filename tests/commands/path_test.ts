import assert from "node:assert/strict";
import { join } from "node:path";
import { toyHere } from "../support/captured.ts";
import { filesIn, finishedStore, inTemporaryFolder, objectsIn } from "../support/toy_cli.ts";

Deno.test("path prints the folder of an output, and changes nothing", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    await finishedStore(store);
    const before = filesIn(join(store, "objects"));
    const digest = objectsIn(store)["walk/a/left#walk"];
    for (const target of ["walk/a/left", "walk/a/left#walk"]) {
      const { code, stdout } = await toyHere(store, ["path", target]);
      assert.equal(code, 0);
      assert.equal(stdout, `${join(store, "objects", digest.slice(0, 2), digest)}\n`);
      assert.ok(Deno.statSync(join(stdout.trim(), "walk.txt")).isFile);
    }
    assert.deepEqual(filesIn(join(store, "objects")), before);
  });
});

Deno.test("path: what names no single output, or none that is there, ends with code 2 and a way out", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    const cases: [string, RegExp][] = [
      ["walk/a/left", /it must run first; do: deno task pipeline run walk\/a\/left --recipe toy/],
      ["walk/a/left#wlak", /\(did you mean "walk"\?\): expected one of walk\/a\/left#walk\n$/],
      ["walk/a/left#", /expected one of walk\/a\/left#walk\n$/],
      ["walk", /expected one instance, found 4: walk\/a\/left, walk\/a\/right, /],
      ["wlak", /did you mean "walk"/],
    ];
    for (const [target, message] of cases) {
      const { code, stderr, stdout } = await toyHere(store, ["path", target]);
      assert.match(stderr, message);
      assert.deepEqual([code, stdout], [2, ""]);
    }
  });
});

Deno.test("curves: without a folder, without a run, and with a file in the way it ends with code 2 and a way out", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    const file = join(folder, "file");
    Deno.writeTextFileSync(file, "");
    const cases: [string[], RegExp][] = [
      [
        [],
        /Cannot draw curves of all: expected a training run that has begun, found none; run one first/,
      ],
      [
        ["--tensorboard", join(folder, "a")],
        /of all: expected a finished training run, found none/,
      ],
      [["--tensorboard", file], /Cannot write to ".*file": expected a folder, found a file/],
    ];
    for (const [words, message] of cases) {
      const { code, stderr } = await toyHere(store, ["curves", ...words]);
      assert.match(stderr, message);
      assert.equal(code, 2);
    }
    assert.deepEqual([...Deno.readDirSync(folder)].map(({ name }) => name), ["file"]);
  });
});
