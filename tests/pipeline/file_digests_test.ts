import assert from "node:assert/strict";
import { join } from "node:path";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

Deno.test("FileDigests says which files it reads, each once in a process", async () => {
  await inTemporaryFolder((folder) => {
    const [path, cache] = [join(folder, "text"), join(folder, "cache")];
    Deno.writeTextFileSync(path, "text");
    const read: string[] = [];
    const digests = () => new FileDigests(cache, true, (path) => read.push(path));
    const first = digests();
    assert.equal(first.digest(path), first.digest(path));
    assert.deepEqual(read, [path]);
    first.save();
    digests().digest(path);
    // It was made a moment ago: its record proves nothing yet, so another process reads it again.
    assert.deepEqual(read, [path, path]);
  });
});
