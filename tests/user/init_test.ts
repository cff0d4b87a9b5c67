import assert from "node:assert/strict";
import { join } from "node:path";
import { parse } from "yaml";
import { Random, seedOf } from "../../base/mod.ts";
import { countParameters, flopsPerToken } from "../../model/mod.ts";
import { sourcesIn } from "../../commands/init_folder.ts";
import { sizesFor } from "../../commands/init_sizes.ts";
import { pipeline, temporaryFolder } from "../support/command_line.ts";

/** Lines of JSON with words of an alphabet of the source's own. */
function rows(source: string, count: number, field = "text"): string {
  const random = new Random(seedOf(1, source));
  const alphabet = random.shuffle([..."abcdefghijklmnoprstuvwz"]).slice(0, 9);
  const word = () =>
    Array.from({ length: 2 + random.below(4) }, () => alphabet[random.below(9)]).join("");
  const text = () => Array.from({ length: 60 }, word).join(" ");
  return Array.from({ length: count }, () => JSON.stringify({ id: "x", [field]: text() }) + "\n")
    .join("");
}

Deno.test("init writes a recipe of at most 25 lines for files of a folder, and run takes it unchanged", async () => {
  using folder = temporaryFolder();
  const texts = join(folder.path, "My Texts");
  Deno.mkdirSync(texts);
  for (const name of ["one", "Zwei"]) {
    Deno.writeTextFileSync(join(texts, `${name}.jsonl`), rows(name, 100, "body"));
  }
  const made = await pipeline(["init", texts, "--minutes", "1"]);
  assert.equal(made.code, 0, made.stderr);
  assert.match(made.stdout, /^zwei +jsonl, about .* of text, text in "body", split by a hash$/m);
  assert.match(made.stdout, /^forecast: \d+ instances in /m);
  const file = join(texts, "dept.yaml");
  const text = Deno.readTextFileSync(file);
  assert.ok(text.trimEnd().split("\n").length <= 25, text);
  const recipe = parse(text);
  assert.equal(recipe.name, "my-texts");
  assert.deepEqual(Object.keys(recipe.sources), ["one", "zwei"]);

  const again = await pipeline(["init", texts]);
  assert.equal(again.code, 2);
  assert.match(again.stderr, /Cannot write ".*dept\.yaml": expected no recipe there, found one/);
  assert.equal(Deno.readTextFileSync(file), text);

  const store = join(folder.path, "store");
  const run = await pipeline(["run", "continue/trim/random", "--recipe", file, "--store", store]);
  assert.equal(run.code, 0, run.stderr + run.stdout);
  assert.match(run.stdout, /^done +continue\/trim\/random /m);
});

Deno.test("sourcesIn() takes a source for each folder, with the splits that its files are named for", async () => {
  using folder = temporaryFolder();
  const write = (name: string, text: string) =>
    Deno.writeTextFileSync(join(folder.path, name), text);
  for (const name of ["IT", "la", "Été", "empty", ".hidden"]) {
    Deno.mkdirSync(join(folder.path, name));
  }
  write("IT/train.jsonl", rows("it", 3));
  write("IT/dev.jsonl", rows("it", 1));
  write("la/train-00.jsonl", rows("la", 2));
  write("la/train-01.jsonl", rows("la", 2));
  write("Été/words.txt", "mots\n\nautres mots\n");
  write(".hidden/words.txt", "no source\n");
  write("beside.jsonl", rows("beside", 2)); // where folders are sources, files beside them are not
  const found = await sourcesIn(folder.path);
  assert.deepEqual(found.map(({ id, spec }) => [id, spec]), [
    ["it", { train: "IT/train.jsonl", validation: "IT/dev.jsonl" }],
    ["la", { files: "la" }],
    ["t", { files: "Été" }],
  ]);
  assert.equal(found[1].textBytes, Deno.statSync(join(folder.path, "la/train-00.jsonl")).size * 2);
});

Deno.test("sourcesIn() gives files of one name ids of their own, and says what is wrong with a folder", async () => {
  using folder = temporaryFolder();
  Deno.writeTextFileSync(join(folder.path, "a.jsonl"), rows("a", 1));
  Deno.writeTextFileSync(join(folder.path, "a.txt"), "text\n");
  assert.deepEqual((await sourcesIn(folder.path)).map(({ id }) => id), ["a", "a-2"]);
  await assert.rejects(sourcesIn(join(folder.path, "none")), /expected a folder, found nothing/);
  Deno.mkdirSync(join(folder.path, "bare"));
  await assert.rejects(
    sourcesIn(join(folder.path, "bare")),
    /expected a folder for each source, or a file for each, .*found none/,
  );
  Deno.writeTextFileSync(join(folder.path, "bad.jsonl"), "{no json\n");
  await assert.rejects(sourcesIn(folder.path), /Cannot read ".*bad\.jsonl": expected rows/);
});

Deno.test("sizesFor() takes the largest model that text and time are enough for", () => {
  const means = { sources: 4, rows: 4, cores: 2 };
  const small = sizesFor({ ...means, textBytes: 1e6, minutes: 600 });
  // 1 MB are 0.33 M tokens, four times read 1.33 M; 10 steps of 8 × 128 tokens for each of 2 sources are 20,480: 65 rounds
  assert.deepEqual([small.dModel, small.rounds, small.sourcesPerRound], [96, 65, 2]);
  const larger = sizesFor({ ...means, textBytes: 1e9, minutes: 1440 });
  assert.equal(larger.dModel, 256);
  const config = { ...larger, expansion: 4, positions: "alibi", bias: false } as const;
  const tokens = larger.rounds * 10 * 8 * larger.seqLen * 2;
  const seconds = 4 * 1.15 * tokens * flopsPerToken(config) / (2 * 4e10);
  assert.ok(Math.abs(seconds / 86_400 - 1) < 0.01, `${seconds}`); // what was given
  assert.ok(tokens >= 7 * countParameters(config).total);
  assert.equal(sizesFor({ ...means, textBytes: 1e3, minutes: 1 }).rounds, 4); // never less
});
