import assert from "node:assert/strict";
import { join } from "node:path";
import { changedFile, type Program, programFolder } from "../../pipeline/program_folder.ts";
import { inTemporaryFolder, namesIn, toy, toyCommand, until } from "../support/toy_cli.ts";

function programOf(digest: string, texts: Readonly<Record<string, string>>): Program {
  const files = Object.entries(texts)
    .map(([name, text]) => [name, new TextEncoder().encode(text)] as const);
  return { files: new Map(files), digest, modules: {} };
}

const program = programOf("d1", { "main.js": "run()", "deno.lock": "{}" });

Deno.test("programFolder() gives a program one place, and puts back what is not as it should be", async () => {
  await inTemporaryFolder((root) => {
    const [cache, fallback] = [join(root, "cache"), join(root, "own")];
    const folder = programFolder(program, cache, fallback);
    assert.equal(folder, join(cache, "d1"));
    const main = join(folder, "main.js");
    Deno.writeTextFileSync(main, "trespass()");
    assert.equal(changedFile(program, folder), "main.js");
    assert.equal(programFolder(program, cache, fallback), folder);
    assert.equal(Deno.readTextFileSync(main), "run()");
    Deno.removeSync(main);
    programFolder(program, cache, fallback);
    assert.equal(changedFile(program, folder), undefined);
    // The runtime may write it.
    Deno.writeTextFileSync(join(folder, "deno.lock"), "{ }");
    assert.equal(changedFile(program, folder), undefined);
    assert.deepEqual(namesIn(folder), ["deno.lock", "main.js"]);
  });
});

Deno.test("programFolder() falls back where its cache cannot be written", async () => {
  await inTemporaryFolder((root) => {
    const [cache, fallback] = [join(root, "cache"), join(root, "own")];
    Deno.writeTextFileSync(cache, "no folder");
    const other = programOf("d2", { "main.js": "other()" });
    assert.equal(programFolder(other, cache, fallback), fallback);
    assert.equal(Deno.readTextFileSync(join(fallback, "main.js")), "other()");
  });
});

Deno.test("programFolder() keeps the 128 that were used last, and those of this process", async () => {
  await inTemporaryFolder((root) => {
    const cache = join(root, "cache");
    for (let i = 0; i < 200; i++) {
      const path = join(cache, `old-${String(i).padStart(3, "0")}`);
      Deno.mkdirSync(path, { recursive: true });
      Deno.utimeSync(path, 1000 + i, 1000 + i);
    }
    programFolder(programOf("d3", { "main.js": "" }), cache, join(root, "own"));
    const left = namesIn(cache);
    assert.ok(left.length <= 128 && left.includes("d3") && left.includes("old-199"));
    assert.ok(!left.includes("old-000"));
  });
});

Deno.test("run: a program that is written while it runs ends the instance, and the next run puts it back", async () => {
  await inTemporaryFolder(async (store) => {
    const walk = ["run", "walk/a/left", "--set", "steps=40", "--set", "delayMs=50"];
    assert.equal((await toy(store, "run", "words/a")).code, 0);
    const run = toyCommand(store, walk).output();
    const programs = join(store, "cache", "programs");
    await until("the walk", () => namesIn(join(store, "checkpoints")).length > 0);
    await until("its program", () => namesIn(programs).length > 1);
    await until("a step", () =>
      namesIn(join(store, "checkpoints"))
        .some((key) => namesIn(join(store, "checkpoints", key)).includes("states.json")));
    for (const name of namesIn(programs)) {
      Deno.writeTextFileSync(join(programs, name, "main.js"), "// edited\n", { append: true });
    }
    const { code, stderr } = await run;
    assert.equal(code, 1);
    assert.match(
      new TextDecoder().decode(stderr),
      /walk\/a\/left failed: Cannot keep what walk\/a\/left made: .*main\.js" written meanwhile; run again/,
    );
    const again = await toy(store, ...walk);
    assert.equal(again.code, 0, again.stderr);
  });
});
