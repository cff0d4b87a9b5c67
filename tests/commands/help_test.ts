/**
 * The help of every command has examples, and they are commands that there are.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { runCommandLine } from "../../commands/main.ts";
import { captured } from "../support/captured.ts";
import { projectRoot } from "../support/paths.ts";
import { toyProject } from "../support/toy_stages/main.ts";

async function helpOf(...words: string[]): Promise<string> {
  const loadProject = () => Promise.resolve(toyProject);
  const { code, stdout } = await captured(() => runCommandLine([...words, "--help"], loadProject));
  assert.equal(code, 0, words.join(" "));
  return stdout;
}

/** The names below `Commands:`. */
function namesIn(help: string): string[] {
  const [, list] = /^Commands:\n((?: .*\n)+)/m.exec(help)!;
  return [...list.matchAll(/^ {2}(\w+)/gm)].map(([, name]) => name);
}

Deno.test("every command of pipeline has help with examples, of commands and options that there are", async () => {
  const names = namesIn(await helpOf());
  assert.ok(names.includes("run") && names.length >= 20, names.join(" "));
  const helps = new Map<string, string>();
  for (const name of names) helps.set(name, await helpOf(name));
  for (const [name, help] of helps) {
    const [, examples] = /\nExamples:\n((?: {2}.*\n?)+)/.exec(help) ?? [];
    assert.ok(examples !== undefined, `${name} has no examples`);
    assert.match(examples, new RegExp(`deno task (?:-q )?pipeline ${name}\\b`), name);
    for (const [, command, rest] of examples.matchAll(/deno task (?:-q )?pipeline (\w+)(.*)/g)) {
      const known = helps.get(command);
      assert.ok(known !== undefined, `${name}: ${command}`);
      const [typed] = rest.split(/ {2,}/);
      for (const [option] of typed.matchAll(/(?<= )--?[a-z][\w-]*/g)) {
        assert.match(known, new RegExp(` ${option}\\b`), `${name}: ${command} ${option}`);
      }
    }
  }
});

for (const group of ["tokenizer", "dataset"]) {
  Deno.test(`every command of ${group} has help with examples`, async () => {
    const help = async (...words: string[]) => {
      const { stdout } = await new Deno.Command(Deno.execPath(), {
        args: ["run", "-A", join(projectRoot, `commands/${group}.ts`), ...words, "--help"],
        cwd: projectRoot,
        env: { NO_COLOR: "1" },
      }).output();
      return new TextDecoder().decode(stdout);
    };
    const names = namesIn(await help());
    assert.ok(names.length >= 2, names.join(" "));
    for (const name of names) {
      assert.match(
        await help(name),
        new RegExp(`\nExamples:\n  deno task ${group} ${name} `),
        name,
      );
    }
  });
}
