import { craftedArchives, goodEntries, tryArchive } from "../instruments/crafted_archives.ts";
import { fuzzManifests, fuzzMessages, fuzzRecords } from "../instruments/store_fuzz.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

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
