import { deepStrictEqual, throws } from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";
import { listLocalFiles } from "../../datasets/mod.ts";
import { UsageError } from "../../base/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";

Deno.test("listLocalFiles() takes a file list: paths, globs and remote names, in their order", () => {
  using folder = temporaryFolder();
  Deno.mkdirSync(join(folder.path, "more"));
  for (const name of ["b.jsonl", "more/1.jsonl", "more/2.jsonl"]) {
    Deno.writeTextFileSync(join(folder.path, name), "{}");
  }
  const list = join(folder.path, "train.files");
  Deno.writeTextFileSync(
    list,
    "\ufeff# shards\r\nmore/*.jsonl\r\n\r\nhf://datasets/a/b/c.parquet\n b.jsonl \nhttp://host/x.jsonl\n",
  );
  deepStrictEqual(listLocalFiles(list), [
    join(folder.path, "more/1.jsonl"),
    join(folder.path, "more/2.jsonl"),
    "hf://datasets/a/b/c.parquet",
    join(folder.path, "b.jsonl"),
    "http://host/x.jsonl",
  ]);
});

Deno.test("listLocalFiles() refuses a list that is empty, repeats itself, names lists, or is not there", () => {
  using folder = temporaryFolder();
  const list = join(folder.path, "a.files");
  const refuses = (text: string | Uint8Array | undefined, message: RegExp) => {
    if (typeof text === "string") Deno.writeTextFileSync(list, text);
    else if (text !== undefined) Deno.writeFileSync(list, text);
    throws(
      () => listLocalFiles(list),
      (error) => error instanceof UsageError && message.test(error.message),
    );
  };
  refuses(undefined, /^Cannot read "a\.files": expected a list of files, found nothing there$/);
  refuses("# nothing\n\n", /expected at least one file, found none/);
  refuses(
    "x.jsonl\n./x.jsonl\n",
    /^Cannot read "a\.files", line 2: expected each file once, found "\.\/x\.jsonl" again$/,
  );
  refuses(Buffer.from("\ufeffa.txt\n", "utf16le"), /expected UTF-8, found UTF-16/);
  refuses(Uint8Array.of(0x61, 0xe9, 0x0a), /expected UTF-8, found other bytes/);
  refuses("b.files\n", /line 1: expected a file with data, found another list, "b\.files"/);
});

Deno.test("listLocalFiles() takes a folder that is there as it is named, also where the name looks like a glob", () => {
  using temporary = temporaryFolder();
  const folder = join(temporary.path, "texts [old]");
  Deno.mkdirSync(join(folder, "it"), { recursive: true });
  Deno.writeTextFileSync(join(folder, "it", "a.txt"), "");
  deepStrictEqual(listLocalFiles(join(folder, "*", "a.txt")), [join(folder, "it", "a.txt")]);
});

Deno.test("listLocalFiles() reads a list with any line ends, and none that is a pipe or folder", async () => {
  using folder = temporaryFolder();
  const list = join(folder.path, "a.files");
  for (const end of ["\n", "\r\n", "\r"]) {
    Deno.writeTextFileSync(list, ["\ufeffa.txt", "b.txt"].join(end));
    deepStrictEqual(
      listLocalFiles(list),
      ["a.txt", "b.txt"].map((name) => join(folder.path, name)),
    );
  }
  const pipe = join(folder.path, "pipe.files");
  await new Deno.Command("mkfifo", { args: [pipe] }).output();
  throws(
    () => listLocalFiles(pipe),
    /"pipe\.files": expected a list of files, found a pipe or device/,
  );
  Deno.mkdirSync(join(folder.path, "b.files"));
  throws(() => listLocalFiles(join(folder.path, "b.files")), /"b\.files": .* found a folder/);
});
