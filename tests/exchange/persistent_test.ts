import assert from "node:assert/strict";
import { FolderBytes } from "../../exchange/folder.ts";
import { UnreachableError } from "../../exchange/named_bytes.ts";
import { PersistentBytes } from "../../exchange/persistent.ts";
import { temporaryFolder } from "../support/command_line.ts";

const one = new Uint8Array([1]);

/** A folder whose first operations fail. */
class FailingFolder extends FolderBytes {
  constructor(folder: string, readonly failures: Error[]) {
    super(folder);
  }

  override async replace(name: string, bytes: Uint8Array<ArrayBuffer>): Promise<void> {
    const failure = this.failures.shift();
    if (failure !== undefined) throw failure;
    await super.replace(name, bytes);
  }
}

Deno.test("PersistentBytes: an operation is tried until the place is there, which is said once", async () => {
  using folder = temporaryFolder();
  const away = () => new UnreachableError("Cannot reach it");
  const failing = new FailingFolder(folder.path, [away(), away(), away()]);
  const troubles: string[] = [];
  await using place = new PersistentBytes(failing, (message) => troubles.push(message));
  await Promise.all([place.replace("a", one), place.replace("b", one)]);
  assert.deepEqual((await place.list("")).map(({ name }) => name), ["a", "b"]);
  assert.deepEqual(troubles, ["Cannot reach it"]);
  failing.failures.push(new Error("forbidden"));
  await assert.rejects(place.replace("c", one), /forbidden/); // another try would not help
});

Deno.test("PersistentBytes: who is waiting when it is disposed of hears why", async () => {
  using folder = temporaryFolder();
  const failures = Array.from({ length: 9 }, () => new UnreachableError("Cannot reach it"));
  const place = new PersistentBytes(new FailingFolder(folder.path, failures), () => {});
  const waiting = assert.rejects(place.replace("a", one), UnreachableError);
  await place[Symbol.asyncDispose]();
  await waiting;
});
