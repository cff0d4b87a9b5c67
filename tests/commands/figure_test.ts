import assert from "node:assert/strict";
import { join } from "node:path";
import { project } from "../../commands/dept.ts";
import { runCommandLine } from "../../commands/main.ts";
import { captured } from "../support/captured.ts";
import { projectRoot } from "../support/paths.ts";
import { inTemporaryFolder, namesIn } from "../support/toy_cli.ts";

Deno.test("figure: a file that it cannot write is refused before anything else", async () => {
  await inTemporaryFolder(async (folder) => {
    const cases = [
      [
        ["2", "-o", "x.png"],
        /Cannot write ".*x\.png": expected a name that ends in \.svg, \.csv, \.json/,
      ],
      [
        ["2", "-o", "x.csv", "--format", "svg"],
        /Cannot write ".*x\.csv" as svg: expected a name that ends in \.svg/,
      ],
      [["4", "-o", "no/x.svg"], /Cannot write to ".*no": expected a folder, found nothing there/],
      [["4", "-o", ""], /expected a place for a file, found a folder/],
      [
        ["4", "-o", `${"n".repeat(300)}.csv`],
        /expected a place for a file, found a name that is too long/,
      ],
      // What it can write it would make.
      [
        ["4", "-o", "x.svg"],
        /Cannot print figure 4: .* must run first; do: deno task pipeline run figure\/4/,
      ],
      [
        ["3"],
        /Cannot make the table or figure "plasticity": .*; set them: --set 'continue\.plasticity\.sources=\[arithmetic\]'/,
      ],
    ] as const;
    for (const [args, message] of cases) {
      const placed = args.map((arg, i) => args[i - 1] === "-o" ? join(folder, arg) : arg);
      const line = ["figure", ...placed, "--store", join(folder, "store")];
      const { code, stderr } = await captured(() =>
        runCommandLine(line, () => Promise.resolve(project))
      );
      assert.match(stderr, message);
      assert.equal(code, 2);
    }
    assert.deepEqual(namesIn(folder), []);
  });
});

Deno.test("figure 1 prints the drawings of how the method works, and one of each variant", async () => {
  const loadProject = () => Promise.resolve(project);
  await inTemporaryFolder(async (folder) => {
    const store = ["--store", join(folder, "store")];
    for (const [name, file] of [["1", "method"], ["method-trim", "trim"]] as const) {
      const line = ["figure", name, ...store];
      const { code, stdout, stderr } = await captured(() => runCommandLine(line, loadProject));
      assert.equal(code, 0, stderr);
      const drawn = Deno.readTextFileSync(join(projectRoot, `docs/figures/${file}.svg`));
      assert.equal(stdout.trim(), drawn.trim());
    }
  });
});

Deno.test("a figure or table that the recipe lacks names the recipes that have it, and one of them does", async () => {
  const loadProject = () => Promise.resolve(project);
  const call = (...line: string[]) => captured(() => runCommandLine(line, loadProject));
  const cases = [["figure", "2"], ["figure", "3"], ["table", "14"], ["table", "bound"]] as const;
  await inTemporaryFolder(async (folder) => {
    const store = ["--store", join(folder, "store")];
    for (const [command, name] of cases) {
      const { code, stderr } = await call(command, name, ...store);
      assert.equal(code, 2);
      const named = /; (?:the recipe that has|recipes that have) it: ([\w, -]+)\n$/.exec(stderr);
      assert.ok(named !== null, stderr);
      const recipe = named[1].split(", ").find((name) => !name.endsWith("-small"))!; // these need data
      const found = await call(command, name, "--recipe", recipe, ...store);
      assert.match(found.stderr, /must run first; do: deno task pipeline run/);
    }
    const unknown = await call("figure", "99", ...store);
    assert.doesNotMatch(unknown.stderr, /recipes? that ha/);
    // What any recipe has, but this one's settings make impossible, is explained without other recipes.
    const other = await call("run", "table/perplexity-random", "walk", ...store);
    assert.match(other.stderr, /Cannot plan "walk"/);
    assert.doesNotMatch(other.stderr, /recipes? that ha/);
  });
});
