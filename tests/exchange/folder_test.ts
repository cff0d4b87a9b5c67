import assert from "node:assert/strict";
import { join } from "node:path";
import { FolderBytes } from "../../exchange/folder.ts";
import { temporaryFolder } from "../support/command_line.ts";

const one = new Uint8Array([1]);

Deno.test("FolderBytes: what a killed writer or remover has left is not seen, and goes", async () => {
  using folder = temporaryFolder();
  const place = new FolderBytes(folder.path);
  await place.replace("rounds/1/x", one);
  await place.replace("rounds/2/x", one);
  Deno.mkdirSync(join(folder.path, "rounds/.0.gone/old"), { recursive: true });
  Deno.writeFileSync(join(folder.path, "rounds/2/.0.tmp"), one);
  const names = async (folder: string) => (await place.list(folder)).map(({ name }) => name);
  assert.deepEqual(await names("rounds"), ["1", "2"]);
  assert.deepEqual(await names("rounds/2"), ["x"]);
  await place.remove("rounds/1");
  const left = [...Deno.readDirSync(join(folder.path, "rounds"))].map(({ name }) => name);
  assert.deepEqual(left, ["2"]);
});

Deno.test("FolderBytes: writers and a remover of the same folder do not disturb each other", async () => {
  using folder = temporaryFolder();
  const [writer, remover] = [new FolderBytes(folder.path), new FolderBytes(folder.path)];
  for (let i = 0; i < 50; i++) {
    await Promise.all([
      writer.create(`rounds/1/${i}`, one),
      remover.remove("rounds/1"),
      writer.replace(`rounds/1/r${i}`, one),
    ]);
  }
  await remover.remove("rounds/1");
  assert.deepEqual(await remover.list("rounds"), []);
});

Deno.test("FolderBytes: a place that cannot be written is named, with what was found", async () => {
  using folder = temporaryFolder();
  const place = new FolderBytes(folder.path);
  await place.replace("up", one);
  await assert.rejects(place.replace("up/it/x", one), {
    message: /^Cannot write ".*\/up\/it\/x": expected a folder to share, found /,
  });
});
