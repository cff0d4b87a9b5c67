import assert from "node:assert/strict";
import { join } from "node:path";
import { createFileAtomic, writeFileAtomic } from "../../base/mod.ts";
import { temporaryFolder } from "../support/command_line.ts";

const own = { mode: 0o600 };
const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();
const rightsOf = (path: string) => Deno.statSync(path).mode! & 0o777;

Deno.test("createFileAtomic() makes a file once, and leaves one that is there", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "keys");
  assert.equal(createFileAtomic(path, "first", own), true);
  assert.equal(createFileAtomic(path, "second", own), false);
  assert.equal(Deno.readTextFileSync(path), "first");
  assert.equal(rightsOf(path), 0o600);
  assert.deepEqual(namesIn(folder.path), ["keys"]);
});

Deno.test("writeFileAtomic() puts a file with its rights in place of another", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "keys");
  Deno.writeTextFileSync(path, "first", { mode: 0o644 });
  writeFileAtomic(path, "second", own);
  assert.equal(Deno.readTextFileSync(path), "second");
  assert.equal(rightsOf(path), 0o600);
  assert.deepEqual(namesIn(folder.path), ["keys"]);
});

Deno.test("writeFileAtomic() and createFileAtomic() leave nothing where they cannot make a file", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "taken");
  Deno.mkdirSync(join(path, "inner"), { recursive: true });
  assert.throws(() => writeFileAtomic(path, "text")); // a folder with something in it is not replaced
  assert.equal(createFileAtomic(path, "text"), false);
  assert.throws(() => createFileAtomic(join(folder.path, "absent", "file"), "text"), {
    name: "NotFound",
  });
  assert.deepEqual(namesIn(folder.path), ["taken"]);
});
