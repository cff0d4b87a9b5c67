import assert from "node:assert/strict";
import { join } from "node:path";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

Deno.test("FileDigests says which files it reads; one whose record is old enough is read once for all processes", async () => {
  await inTemporaryFolder((folder) => {
    const [path, cache] = [join(folder, "text"), join(folder, "cache")];
    Deno.writeTextFileSync(path, "text");
    const old = new Date(Date.now() - 10_000);
    Deno.utimeSync(path, old, old);
    const read: string[] = [];
    const digests = () => new FileDigests(cache, true, (path) => read.push(path));
    const first = digests();
    assert.equal(first.digest(path), first.digest(path));
    assert.deepEqual(read, [path]);
    first.save();
    digests().digest(path);
    // The time of change is now: it cannot be set, so the record proves nothing yet.
    assert.deepEqual(read, [path, path]);
  });
});
