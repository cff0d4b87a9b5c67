/**
 * A limit on the size of files (`ulimit -f`) ends commands in a sentence, and leaves no part of a file under its name.
 */
import assert from "node:assert/strict";
import { join } from "node:path";
import { temporaryFolder } from "../support/command_line.ts";
import { projectRoot } from "../support/paths.ts";
import { inTemporaryFolder, namesIn, objectsIn, toy, toyCommandLine } from "../support/toy_cli.ts";

const ignore = Deno.build.os === "windows"; // has no such limit

/** Runs a command that may write files of so many blocks of 512 bytes. Deno's own files must be there: it dies of the limit. */
async function limited(
  blocks: number,
  command: readonly string[],
): Promise<{ code: number; stderr: string }> {
  const { code, stderr } = await new Deno.Command("sh", {
    args: ["-c", `ulimit -f ${blocks} && exec "$0" "$@"`, ...command],
    stdin: "null",
  }).output();
  return { code, stderr: new TextDecoder().decode(stderr) };
}

Deno.test({
  name: "run under a limit on the size of files says so, and keeps what is whole",
  ignore,
  fn: () =>
    inTemporaryFolder(async (folder) => {
      assert.equal((await toy(join(folder, "warm"), "run")).code, 0);
      const store = join(folder, "store");
      const { code, stderr } = await limited(40, toyCommandLine(store, ["run"]));
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        /^error: words\/a failed: .* a limit on the size of files \(ulimit -f\); raise it/m,
      );
      assert.deepEqual(objectsIn(store), {});
      assert.deepEqual(namesIn(join(store, "tmp")), []);
      assert.equal((await toy(store, "verify")).code, 0);
      const again = await toy(store, "run");
      assert.equal(again.code, 0, again.stderr);
    }),
});

Deno.test({
  name: "tokenizer and dataset under a limit on the size of files say so, and leave no file",
  ignore,
  async fn() {
    using folder = temporaryFolder();
    const at = (name: string) => join(folder.path, name);
    const words = Array.from(
      { length: 4000 },
      (_, i) => `low lower newest wide wider ${i % 997}\n`,
    );
    Deno.writeTextFileSync(at("text.txt"), words.join(""));
    const deno = (program: string, ...args: string[]) => [
      ...[Deno.execPath(), "run", "-A", "--quiet", "--no-check"],
      ...[
        "--config",
        join(projectRoot, "deno.json"),
        join(projectRoot, "commands", program),
        ...args,
      ],
    ];
    const train = (to: string) =>
      deno(
        ...["tokenizer.ts", "train", "-i", at("text.txt"), "-o", at(to)] as const,
        ...["--vocab-size", "400", "--sentencepiece"],
      );
    const encode = (to: string) =>
      deno("tokenizer.ts", "encode", "-t", at("tokenizer"), "-i", at("text.txt"), "-o", at(to));
    const cases = [
      [train("tokenizer"), train("limited")],
      [encode("ids.txt"), encode("limited.txt")],
    ];
    for (const [plain, command] of cases) {
      const [program, ...args] = plain;
      const whole = await new Deno.Command(program, { args }).output();
      assert.ok(whole.success, new TextDecoder().decode(whole.stderr));
      const { code, stderr } = await limited(4, command);
      assert.equal(code, 1, stderr);
      assert.match(
        stderr,
        /^error: Cannot write ".*limited.*": .* found a limit on the size of files \(ulimit -f\); raise it\n$/m,
      );
    }
    assert.deepEqual(namesIn(folder.path), ["ids.txt", "text.txt", "tokenizer"]);
  },
});
