import assert from "node:assert/strict";
import { join } from "node:path";
import { openOutput } from "../../commands/file_output.ts";
import { temporaryFolder } from "../support/command_line.ts";

const bytes = (text: string) => new TextEncoder().encode(text);
const namesIn = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name);

Deno.test("openOutput() replaces what a killed command left", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "rows.csv");
  Deno.writeTextFileSync(`${path}.part`, "a longer beginning");
  {
    using output = openOutput(path);
    output.writeSync(bytes("whole"));
    output.finish();
  }
  assert.equal(Deno.readTextFileSync(path), "whole");
  assert.deepEqual(namesIn(folder.path), ["rows.csv"]);
});

Deno.test("openOutput(): of two writers the first is refused, and the second's file is whole", () => {
  using folder = temporaryFolder();
  const path = join(folder.path, "rows.csv");
  {
    using first = openOutput(path);
    first.writeSync(bytes("first"));
    using second = openOutput(path);
    second.writeSync(bytes("second"));
    assert.throws(
      () => first.finish(),
      /Cannot write ".*rows\.csv": expected to be its only writer/,
    );
    second.finish();
  }
  assert.equal(Deno.readTextFileSync(path), "second");
  assert.deepEqual(namesIn(folder.path), ["rows.csv"]);
});
