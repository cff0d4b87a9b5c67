/**
 * Commands that only look answer at once, and say why the first one does not.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { pipeline, temporaryFolder } from "../support/command_line.ts";
import { projectRoot } from "../support/paths.ts";
import { Terminal, whyNoTerminal } from "../support/terminal.ts";

/** Seconds that a command has computed, in all of its threads and processes; other work of the machine does not count. */
async function cpuSeconds(args: readonly string[]): Promise<number> {
  const main = join(projectRoot, "commands/main.ts");
  const { stdout } = await new Deno.Command("sh", {
    args: [
      ...["-c", '"$@" > /dev/null 2>&1; echo "code $?"; times', "sh"],
      ...[Deno.execPath(), "run", "-A", "--config", join(projectRoot, "deno.json"), main, ...args],
    ],
  }).output();
  const text = new TextDecoder().decode(stdout);
  assert.match(text, /^code [03]$/m, args.join(" "));
  // The second line of `times`: user and system time of what the shell has started.
  const [, user, system] = /^.*\n.*\n(\d+m[\d.]+)s (\d+m[\d.]+)s$/m.exec(text)!;
  return [user, system].map((time) => time.split("m").map(Number))
    .reduce((sum, [minutes, seconds]) => sum + 60 * minutes + seconds, 0);
}

Deno.test("status, table, why, graph, recipes, log, runs and diff take at most 1 s of the processor on a warm store", async () => {
  using folder = temporaryFolder();
  const store = ["--store", join(folder.path, "store")];
  // The plan of the whole sample recipe, and a result of it.
  const run = await pipeline(["run", "table/cost", ...store]);
  assert.equal(run.code, 0, run.stderr);
  const words = [
    ...[["status"], ["table", "cost"], ["why", "table/cost"], ["graph"], ["log", "table/cost"]],
    ...[["runs"], ["diff", "1", "sample"]],
  ];
  const commands = [...words.map((command) => [...command, ...store]), ["recipes"]];
  await cpuSeconds(commands[0]); // digests of the code
  for (const command of commands) {
    const seconds: number[] = [];
    // A busy machine makes work of its own: the best of a few tells what the command takes.
    while (seconds.length < 4 && !(Math.min(...seconds) <= 1)) {
      seconds.push(await cpuSeconds(command));
    }
    assert.ok(Math.min(...seconds) <= 1, `${command.join(" ")}: ${seconds.join(", ")} s`);
  }
});

const sentence = "status in a terminal says that it computes digests where that takes a while";

Deno.test({
  name: whyNoTerminal === undefined ? sentence : `${sentence}: skipped: ${whyNoTerminal}`,
  ignore: whyNoTerminal !== undefined,
}, async () => {
  using folder = temporaryFolder();
  const store = join(folder.path, "store");
  Deno.mkdirSync(store);
  const command = ["status", "--recipe", "sample", "--store", store];
  const main = join(projectRoot, "commands/main.ts");
  using terminal = new Terminal(folder.path, [Deno.execPath(), "run", "-A", main, ...command]);
  const startedAt = performance.now();
  let isSaid = false;
  while (terminal.exitCode() === undefined) {
    isSaid ||= /computing digests of the code, once after each change/.test(terminal.text());
    assert.ok(performance.now() - startedAt < 60_000, terminal.text());
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  const seconds = (performance.now() - startedAt) / 1000;
  assert.ok(isSaid || seconds < 1, `nothing was said for ${seconds} s`);
  // tmux keeps copies of a screen's first line above, however often it was wiped.
  assert.match(terminal.text(), /^run +documents\/arithmetic\/train +new/m);
});
