/**
 * Token shards read a window at a time: only its bytes, and by several processes at once.
 */
import { deepStrictEqual, ok, strictEqual } from "node:assert/strict";
import { join } from "node:path";
import {
  batchTokens,
  openTokenShards,
  openTokenStream,
  writeTokenShards,
} from "../../datasets/mod.ts";
import { projectRoot } from "../support/paths.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));

const batches = 24;

async function writeShards(): Promise<void> {
  const documents = Array.from({ length: 64 }, (_, d) => ({
    ids: Uint16Array.from({ length: batches * batchTokens / 64 - 1 }, (_, i) => (7 * i + d) % 1000),
    bytes: 1,
  }));
  await writeTokenShards(folder, documents, { vocabSize: 1000, endId: 2 });
}

Deno.test("token shards: a window touches its record batches and nothing else", async () => {
  await writeShards();
  const read = Deno.FsFile.prototype.readSync;
  let bytes = 0;
  Deno.FsFile.prototype.readSync = function (buffer: Uint8Array) {
    const count = read.call(this, buffer);
    bytes += count ?? 0;
    return count;
  };
  try {
    const shards = openTokenShards(folder);
    const size = Deno.statSync(join(folder, "tokens.arrow")).size;
    // Opening reads footers and the ends of documents: 24 bytes a batch, 16 a document.
    ok(bytes < 10_000, `opening read ${bytes} of ${size} bytes`);
    const batchBytes = 2 * batchTokens;
    for (const [start, touched] of [[0, 1], [17 * batchTokens + 5, 1], [9 * batchTokens - 10, 2]]) {
      bytes = 0;
      const window = shards.slice(start, 512);
      strictEqual(window.length, 512);
      ok(
        bytes >= touched * batchBytes && bytes < touched * (batchBytes + 1000),
        `${start}: ${bytes} bytes`,
      );
    }
    bytes = 0;
    shards.slice(17 * batchTokens + 600, 512); // the batch is still there
    strictEqual(bytes, 0);
    shards.close();
  } finally {
    Deno.FsFile.prototype.readSync = read;
  }
});

Deno.test("token shards: two processes read the same shards at once, each to the same windows", async () => {
  await writeShards();
  const script = join(folder, "read.ts");
  Deno.writeTextFileSync(
    script,
    `import { openTokenShards, openTokenStream } from "${
      import.meta.resolve("../../datasets/mod.ts")
    }";
    const shards = openTokenShards(${JSON.stringify(folder)});
    const stream = openTokenStream(shards, { seqLen: 1000, seed: [1, 2, 3, 4] });
    let sum = 0;
    for (let i = 0; i < 3000; i++) sum = (sum * 31 + stream.next().reduce((a, b) => a + b, 0)) % 1e9;
    console.log(sum);`,
  );
  const processes = Array.from({ length: 2 }, () =>
    new Deno.Command(Deno.execPath(), {
      args: ["run", "-A", "--no-lock", "--config", join(projectRoot, "deno.json"), script],
    }).output());
  const shards = openTokenShards(folder);
  const stream = openTokenStream(shards, { seqLen: 1000, seed: [1, 2, 3, 4] });
  let sum = 0;
  for (let i = 0; i < 3000; i++) sum = (sum * 31 + stream.next().reduce((a, b) => a + b, 0)) % 1e9;
  shards.close();
  const outputs = (await Promise.all(processes)).map(({ stdout }) =>
    new TextDecoder().decode(stdout).trim()
  );
  deepStrictEqual(outputs, [`${sum}`, `${sum}`]);
});
