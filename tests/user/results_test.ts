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
  "studies.md": {
    "study-divergence.tar.zst": ["study-growth"],
    "study-heterogeneity.tar.zst": ["study-differences-pretraining"],
    "study-sources-unknown.tar.zst": [
      "clusters@sources=clusters",
      "clusters@sources=random",
      "study-cells-pretraining",
    ],
    "study-pareto.tar.zst": ["study-memory"],
    "study-transfer.tar.zst": ["transfer-pretraining", "transfer-random"],
    "study-local-steps.tar.zst": ["study-bound"],
    "study-scale.tar.zst": ["study-differences-pretraining", "study-differences-random"],
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
    const printed = await pipeline(["table", "--kept", "--format", "markdown", ...names, ...store]);
    assertOnPage(name, printed, names.length);
  });
}

/** Tables that a command has printed stand on a page, line by line. */
function assertOnPage(
  name: string,
  printed: Awaited<ReturnType<typeof pipeline>>,
  count: number,
): void {
  assert.equal(printed.code, 0, printed.stderr);
  const page = Deno.readTextFileSync(join(results, name));
  const [, ...tables] = printed.stdout.split(/^\*\*.*\*\*$/m);
  assert.equal(tables.length, count);
  for (const text of tables) {
    const table = text.split("\n").filter((line) => line.startsWith("|")).join("\n");
    assert.ok(page.includes(table), table);
  }
}

Deno.test("the archives of three seeds print the tables of docs/results/languages.md as one", async () => {
  using folder = temporaryFolder();
  const store = ["--store", join(folder.path, "store")];
  for (const seed of [17, 18, 19]) {
    for (const name of [`languages-${seed}`, `languages-${seed}-local-sgd`]) {
      const pulled = await pipeline(["pull", join(results, `${name}.tar.zst`), ...store]);
      assert.equal(pulled.code, 0, pulled.stderr);
    }
  }
  const names = ["pretraining", "differences-pretraining", "bits-random", "differences-random"];
  const overSeeds = ["--kept", "--over-seeds", "--format", "markdown"];
  const printed = await pipeline(["table", ...overSeeds, ...names, ...store]);
  assertOnPage("languages.md", printed, 6); // differences to two rows
});

Deno.test("an archive of docs/results/ becomes a report, without data", async () => {
  using folder = temporaryFolder();
  const store = ["--store", join(folder.path, "store")];
  await pipeline(["pull", join(results, "languages-17.tar.zst"), ...store]);
  const file = join(folder.path, "report.html");
  const { code, stderr } = await pipeline(["report", "--kept", "-o", file, ...store]);
  assert.equal(code, 0, stderr);
  const page = Deno.readTextFileSync(file);
  // As the page says: 2.492 and 2.498, paired.
  assert.match(page, /spec \(2\.492 bits per byte\) is better than std-t0-tokens \(2\.498\)/);
  const parts = [...page.matchAll(/class="part" id="((?:table|figure)-[\w-]+)"/g)].map(([, id]) =>
    id
  );
  for (
    const id of ["table-pretraining", "table-bits-random", "table-downstream", "figure-learning"]
  ) {
    assert.ok(parts.includes(id), `${id} of ${parts}`);
  }
  assert.match(page, /deno task pipeline report --kept/);
});
