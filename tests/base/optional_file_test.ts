import assert from "node:assert/strict";
import { join } from "node:path";
import { isFile, readIfThere, readTextIfThere } from "../../base/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";

Deno.test("a file that is not there is no error; a folder that is read as a file is one", () => {
  using folder = temporaryFolder();
  const [file, absent] = ["file", "absent"].map((name) => join(folder.path, name));
  Deno.writeTextFileSync(file, "é");
  assert.equal(readTextIfThere(file), "é");
  assert.deepEqual(readIfThere(file), new Uint8Array([0xc3, 0xa9]));
  assert.equal(readIfThere(absent), undefined);
  assert.equal(readTextIfThere(absent), undefined);
  assert.throws(() => readIfThere(folder.path), /directory/i);
});

Deno.test("isFile() is true for files and links to them, and false for all else", () => {
  using folder = temporaryFolder();
  const [file, link, dangling] = ["file", "link", "dangling"].map((name) =>
    join(folder.path, name)
  );
  Deno.writeTextFileSync(file, "");
  Deno.symlinkSync(file, link);
  Deno.symlinkSync(join(folder.path, "absent"), dangling);
  assert.deepEqual([file, link].map(isFile), [true, true]);
  for (const other of [dangling, folder.path, join(file, "below"), "", "a\0b"]) {
    assert.equal(isFile(other), false, other);
  }
});
