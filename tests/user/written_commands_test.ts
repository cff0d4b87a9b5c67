/**
 * Each command in README and docs/ is one that the program takes, with options, targets, recipes and settings that it knows.
 */
import assert from "node:assert/strict";
import { commandsIn, documents, shellWords } from "../support/markdown.ts";
import { faultOf, placesBelow } from "../support/written_commands.ts";

/** All commands are typed in one folder, which is there until the end: what starts processes keeps the first one in mind. */
const folder = Deno.makeTempDirSync({ prefix: "dept-test-" });
addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
const places = placesBelow(folder);

/** Calls in the folder that stands for a checkout. */
async function inClone(call: () => Promise<void>): Promise<void> {
  const before = Deno.cwd();
  Deno.chdir(places.clone);
  try {
    await call();
  } finally {
    Deno.chdir(before);
  }
}

Deno.test("every command in README, CONTRIBUTING and docs/ is taken by the program", async () => {
  await inClone(async () => {
    const commands = documents().filter((file) => file !== "CHANGELOG.md").flatMap(commandsIn);
    assert.ok(commands.length > 50, `${commands.length} commands`);
    const seen = new Set<string>();
    const faults: string[] = [];
    for (const { place, text } of commands) {
      const line = shellWords(text).join(" ");
      if (seen.has(line)) continue;
      seen.add(line);
      const fault = await faultOf(text, places);
      if (fault !== undefined) faults.push(`${place}: ${line}\n  ${fault}`);
    }
    assert.equal(faults.join("\n"), "");
  });
});

Deno.test("faultOf() finds what is wrong with a command", async () => {
  await inClone(async () => {
    const cases = [
      ["deno task pipeline run pretrain/trum", /did you mean "pretrain\/trim"/],
      ["deno task pipeline run --set pretrain.round=3", /did you mean "rounds"/],
      ["deno task pipeline status --jsn", /unknown option '--jsn'/],
      ["deno task pipeline table --recipe smaple", /smaple/],
      ["deno task pipeline figure 3", /plasticity/],
      ["deno task tokenizer train -i FILE -o DIR --vocabsize 3", /unknown option/],
      ["deno task dataset inspct FILE", /unknown command/],
      ["deno task piplne run", /expected a task/],
      ["deno task bench trian", /expected one of train/],
      ["deno task bench train --layer 4", /expected an option of/],
      ["deno test -A tests/none_test.ts", /found nothing there/],
      ["npx --yes deno@2.0.0 task test", /expected npx --yes deno@2\.9/],
    ] as const;
    for (const [line, message] of cases) {
      assert.match(await faultOf(line, places) ?? "no fault", message, line);
    }
    const right = [
      "deno task pipeline run 'evaluate/*' --dry-run",
      "deno task pipeline run all --recipe multilingual-small --set data=DIR/multilingual",
      "deno task pipeline graph --format svg > graph.svg   # a comment",
      "deno task bench train --all",
    ];
    for (const line of right) assert.equal(await faultOf(line, places), undefined, line);
  });
});

Deno.test("shellWords() makes words as a shell does", () => {
  const cases = [
    [`run 'a b' "c" d=e'f g'`, ["run", "a b", "c", "d=ef g"]],
    ["encode -t DIR < text | head -3", ["encode", "-t", "DIR"]],
    ["graph > graph.svg # a picture", ["graph"]],
    ["run a && run b", ["run", "a"]],
    ["run a#b", ["run", "a#b"]],
    ["run --prompt ''", ["run", "--prompt", ""]],
  ] as const;
  for (const [line, words] of cases) assert.deepEqual(shellWords(line), words, line);
});
