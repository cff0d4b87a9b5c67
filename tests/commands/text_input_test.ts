import assert from "node:assert/strict";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { linesOfText, readTexts } from "../../commands/text_input.ts";
import { temporaryFolder } from "../instruments/foreign_files.ts";

async function textsOf(path: string): Promise<string[]> {
  const options = { files: [path], textField: "text", invalid: "error" } as const;
  const texts: string[] = [];
  for await (const batch of readTexts(options)) {
    for (const text of linesOfText(batch)) texts.push(text);
  }
  return texts;
}

const joined = (...parts: Uint8Array[]) => Uint8Array.from(parts.flatMap((part) => [...part]));

Deno.test("readTexts() reads all members of compressed text, and refuses what its name does not say", async () => {
  using folder = temporaryFolder();
  const parts = ["one\ntw", "o\n"];
  const zst = folder.write("a.txt.zst", joined(...parts.map((text) => zstdCompressSync(text))));
  const gz = folder.write("a.txt.gz", joined(...parts.map((text) => gzipSync(text))));
  assert.deepEqual(await textsOf(zst), ["one", "two"]);
  assert.deepEqual(await textsOf(gz), ["one", "two"]);
  const plain = folder.write("a.txt", gzipSync("one\n"));
  await assert.rejects(textsOf(plain), { name: "StageError", message: /found gzip data/ });
  const utf16 = new Uint8Array(Uint16Array.from("one\ntwo\n", (c) => c.charCodeAt(0)).buffer);
  await assert.rejects(textsOf(folder.write("b.txt", utf16)), { message: /found UTF-16/ });
});

Deno.test("readTexts() drops a byte order mark at the start of a file, as a run does", async () => {
  using folder = temporaryFolder();
  const lines = "one\n\ufefftwo\n";
  const read = await textsOf(folder.write("a.txt", "\ufeff" + lines));
  assert.deepEqual(read, ["one", "\ufefftwo"]);
});

Deno.test({
  name: "readTexts() reads a pipe to its end",
  ignore: Deno.build.os === "windows",
  async fn() {
    using folder = temporaryFolder();
    const pipe = join(folder.path, "pipe");
    new Deno.Command("mkfifo", { args: [pipe] }).outputSync();
    const script = `for i in $(seq 300000); do echo line; done > ${pipe}`;
    const writer = new Deno.Command("sh", { args: ["-c", script] }).spawn();
    const texts = await textsOf(pipe);
    await writer.status;
    assert.equal(texts.length, 300_000);
    assert.ok(texts.every((text) => text === "line"));
  },
});
