import assert from "node:assert/strict";
import { shellWord } from "../../base/mod.ts";

Deno.test("shellWord() is one word of a shell, whatever is in it", async () => {
  const words = [
    "",
    "plain",
    "two words",
    "it's",
    "'",
    "$HOME `id` \\",
    'a "b"',
    "line\nbreak",
    "*",
    "-n",
  ];
  const command = `printf '%s\\0' ${words.map(shellWord).join(" ")}`;
  const { stdout } = await new Deno.Command("sh", { args: ["-c", command] }).output();
  assert.deepEqual(new TextDecoder().decode(stdout).split("\0").slice(0, -1), words);
});
