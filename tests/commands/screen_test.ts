import assert from "node:assert/strict";
import { toyHere } from "../support/captured.ts";
import { finishedStore, inTemporaryFolder } from "../support/toy_cli.ts";

const fullDisk = new Error("No space left on device (os error 28)");
const noReader = new Deno.errors.BrokenPipe("Broken pipe (os error 32)");

/** Runs a command whose standard output fails. */
function withoutOutput(error: Error, store: string, ...args: string[]) {
  return toyHere(store, args, {
    stdout() {
      throw error;
    },
  });
}

Deno.test("commands: a full disk of standard output is an error that names it; a reader that has gone is none", async () => {
  await inTemporaryFolder(async (store) => {
    await finishedStore(store);
    for (
      const args of [["status"], ["run"], ["run", "--json"], ["table"], ["verify"], [
        "log",
        "words/a",
      ]]
    ) {
      const full = await withoutOutput(fullDisk, store, ...args);
      assert.match(
        full.stderr,
        /^error: Cannot write to standard output: expected room, found it full\n$/,
      );
      assert.equal(full.code, 1);
      const { code, stderr } = await withoutOutput(noReader, store, ...args);
      assert.deepEqual([code, stderr], [0, ""]);
    }
  });
});

Deno.test("commands: what cannot be said on standard error does not change how a command ends", async () => {
  await inTemporaryFolder(async (store) => {
    const { code } = await toyHere(store, ["run", "nothing"], {
      stderr() {
        throw fullDisk;
      },
    });
    assert.equal(code, 2);
  });
});
