import assert from "node:assert/strict";
import { join } from "node:path";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { InputWitness } from "../../pipeline/input_witness.ts";
import { ObjectCheck } from "../../pipeline/object_check.ts";
import { Store } from "../../pipeline/store.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

const text = "as it was planned\n";
const other = "something other!!\n"; // as long

/** Writes a file and gives it the time of another state. */
function writeAsOf(path: string, content: string, { mtime }: Deno.FileInfo): void {
  Deno.writeTextFileSync(path, content);
  Deno.utimeSync(path, mtime!, mtime!);
}

type Edit = (path: string, before: Deno.FileInfo) => void;

/** Edits, and what is said of them after the file's digest; undefined for none. */
const edits: Readonly<Record<string, readonly [said: RegExp | undefined, edit: Edit]>> = {
  "no edit": [undefined, () => {}],
  "another text of the same size and time": [
    /found digest [0-9a-f]{64}/,
    (path, before) => writeAsOf(path, other, before),
  ],
  "an edit that is undone, with its time": [
    /found that it was written meanwhile/,
    (path, before) => {
      Deno.writeTextFileSync(path, other);
      writeAsOf(path, text, before);
    },
  ],
  "another file in its place, and the first again": [
    /found that it was written meanwhile/,
    (path, before) => {
      Deno.renameSync(path, `${path}.kept`);
      Deno.writeTextFileSync(path, other);
      Deno.removeSync(path);
      Deno.copyFileSync(`${path}.kept`, path);
      writeAsOf(path, text, before);
    },
  ],
  "removal": [/found no file/, (path) => Deno.removeSync(path)],
};

Deno.test("InputWitness: every edit of a file since its process was started is found, undone or not", async () => {
  await inTemporaryFolder(async (folder) => {
    const paths = Object.keys(edits).map((_, i) => join(folder, `${i}.txt`));
    for (const path of paths) Deno.writeTextFileSync(path, text);
    const digests = new FileDigests(undefined);
    const planned = paths.map((path) => [path, digests.digest(path)] as const);
    const objects = new ObjectCheck(Store.open(join(folder, "store"), { create: true }), true);
    const writtenAt = Deno.statSync(paths[0]).mtime!.getTime();
    const witnesses = await Promise.all(
      planned.map((file) =>
        InputWitness.of({ digests, objects, files: [file], makers: new Map() })
      ),
    );
    // Within the second of its last change a file may be written again without a trace: it is waited for.
    assert.ok(Date.now() - writtenAt > 1000);
    for (const [i, [what, [said, edit]]] of Object.entries(edits).entries()) {
      edit(paths[i], Deno.statSync(paths[i]));
      const change = witnesses[i].change();
      if (said === undefined) assert.equal(change, undefined, what);
      else assert.match(change ?? "", said, what);
      if (said !== undefined) assert.ok(change!.includes(`of "${paths[i]}"`), what);
    }
    const again = [planned[1]];
    await assert.rejects(
      InputWitness.of({ digests, objects, files: again, makers: new Map() }),
      /Cannot read ".*1\.txt": expected digest [0-9a-f]{64}, as when the run was planned, found [0-9a-f]{64}; run again/,
    );
  });
});
