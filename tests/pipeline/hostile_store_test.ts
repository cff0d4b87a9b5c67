import assert from "node:assert/strict";
import { join } from "node:path";
import { toyHere } from "../support/captured.ts";
import { craftedArchives, goodEntries, tryArchive } from "../instruments/crafted_archives.ts";
import { fuzzManifests, fuzzMessages, fuzzRecords } from "../instruments/store_fuzz.ts";
import { finishedStore, inTemporaryFolder } from "../support/toy_cli.ts";

/** The long form has 20,000: `deno task instruments store-fuzz`. */
const short = { count: 200, first: 0, seed: 5 };

Deno.test("pull: of crafted archives nothing leaves the store, and nothing in it breaks a command", async (t) => {
  await inTemporaryFolder(async (folder) => {
    const good = await goodEntries(folder);
    for (const crafted of craftedArchives) {
      await t.step(crafted[0], () => tryArchive(folder, crafted, good));
    }
  });
});

Deno.test("damaged manifests are refused, or break no command", async () => {
  await inTemporaryFolder(async (folder) => void await fuzzManifests(folder, short));
});

Deno.test("damaged records of runs are refused, or break no command", async () => {
  await inTemporaryFolder(async (folder) => void await fuzzRecords(folder, short));
});

Deno.test("damaged messages of processes are taken for what was printed, or can be shown", async () => {
  await fuzzMessages({ ...short, count: 2000 });
});

Deno.test("a store in which files are folders, or the other way round, ends in a sentence", async () => {
  await inTemporaryFolder(async (folder) => {
    const store = join(folder, "store");
    const parts = ["objects", "manifests", "checkpoints", "runs", "tmp", "logs", "cache", "lock"];
    for (const part of parts) {
      await finishedStore(store);
      const path = join(store, part);
      const { isDirectory } = Deno.statSync(path);
      Deno.removeSync(path, { recursive: true });
      if (isDirectory) Deno.writeTextFileSync(path, "");
      else Deno.mkdirSync(path);
      for (const command of ["status", "log words/a", "run --dry-run", "verify", "gc", "pull ."]) {
        const { code, stdout, stderr } = await toyHere(store, command.split(" "));
        const said = `${part}: ${command}, code ${code}: ${stdout}${stderr}`;
        assert.ok([0, 1, 2, 3].includes(code) && !/^ +at /m.test(said), said);
      }
      const { code, stderr } = await toyHere(store, ["run"]);
      if (isDirectory) {
        assert.match(
          stderr,
          /^error: Cannot use store ".*": expected a folder at ".*", found something else/,
        );
      }
      assert.notEqual(code, 0);
      Deno.removeSync(store, { recursive: true });
    }
  });
});
