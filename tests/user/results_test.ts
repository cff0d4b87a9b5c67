/**
 * Results that are kept in `docs/results/`: whoever pulls an archive prints the very tables of the page, without data.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pipeline, temporaryFolder } from "../support/command_line.ts";
import { projectRoot } from "../support/paths.ts";

const results = join(projectRoot, "docs/results");

/** Tables of each archive that stand on a page. */
const shown: Readonly<Record<string, Readonly<Record<string, readonly string[]>>>> = {
  "languages.md": {
    "languages-17.tar.zst": [
      "pretraining",
      "differences-pretraining",
      "bits-random",
      "differences-random",
    ],
    "languages-17-local-sgd.tar.zst": ["differences-random"],
  },
};
const archives = Object.entries(shown).flatMap(([page, of]) =>
  Object.entries(of).map(([archive, names]) => ({ page, archive, names }))
);

for (const { page: name, archive, names } of archives) {
  Deno.test(`docs/results/${archive} prints the tables of its page`, async () => {
    using folder = temporaryFolder();
    const store = ["--store", join(folder.path, "store")];
    const pulled = await pipeline(["pull", join(results, archive), ...store]);
    assert.equal(pulled.code, 0, pulled.stderr);
    const page = Deno.readTextFileSync(join(results, name));
    const printed = await pipeline(["table", "--kept", "--format", "markdown", ...names, ...store]);
    assert.equal(printed.code, 0, printed.stderr);
    const tables = printed.stdout.split(/^\*\*.*\*\*$/m).slice(1)
      .map((text) => text.split("\n").filter((line) => line.startsWith("|")).join("\n"));
    assert.equal(tables.length, names.length);
    for (const [i, table] of tables.entries()) {
      assert.ok(page.includes(table), `${names[i]}:\n${table}`);
    }
  });
}
