/**
 * How a training is run does not show: threads, memory, the order of documents, stops and restarts.
 */
import assert from "node:assert/strict";
import { fileURLToPath } from "node:url";
import { Random, seedOf } from "../../base/mod.ts";
import { type TrainingOptions, trainPieces, unigramDefaults } from "../../tokenizers/mod.ts";
import { inventedDocuments } from "../instruments/awkward_lines.ts";

const documents = inventedDocuments(300);
const config = { ...unigramDefaults, vocabSize: 450, shrinkingFactor: 0.9 }; // many rounds
const plain = await trainPieces(documents, config);

Deno.test("trainPieces() gives the same bytes with any number of threads", async () => {
  for (const threads of [2, 3, 4]) {
    assert.deepEqual(await trainPieces(documents, config, { threads, eagerThreads: true }), plain);
  }
});

Deno.test("trainPieces() gives the same bytes with any budget of memory, and leaves no file behind", async () => {
  const temporary = Deno.makeTempDirSync();
  const before = Deno.env.get("TMPDIR");
  Deno.env.set("TMPDIR", temporary);
  try {
    for (const [memoryBytes, threads] of [[1, 1], [200_000, 1], [1, 3]]) {
      const options = { memoryBytes, threads, eagerThreads: true };
      assert.deepEqual(await trainPieces(documents, config, options), plain);
    }
    assert.deepEqual([...Deno.readDirSync(temporary)], []);
  } finally {
    if (before === undefined) Deno.env.delete("TMPDIR");
    else Deno.env.set("TMPDIR", before);
    Deno.removeSync(temporary, { recursive: true });
  }
});

Deno.test("trainPieces() gives the same bytes for documents in any order, with threads and little memory", async () => {
  const random = new Random(seedOf(1, "training order"));
  const options = { threads: 2, eagerThreads: true, memoryBytes: 1 };
  for (let i = 0; i < 3; i++) {
    const shuffled = documents.map((document) => ({ document, key: random.below(2 ** 30) }))
      .sort((a, b) => a.key - b.key).map(({ document }) => document);
    assert.deepEqual(await trainPieces(shuffled, config, options), plain);
  }
});

Deno.test("trainPieces() cuts a long text at words without a change", async () => {
  const text = documents.map((document) => document.text).join("\n").repeat(20); // several slices
  assert.ok(text.length > 3 * 2 ** 18);
  const parts = text.split(/(?<=\S)(?= \S)/).map((part) => ({ text: part }));
  assert.deepEqual(await trainPieces([{ text }], config), await trainPieces(parts, config));
});

Deno.test("trainPieces() goes on where an earlier training was stopped", async () => {
  for (const stopAfter of [0, 5, 120, 299]) {
    await withFolder(async (checkpointFolder) => {
      const options = { checkpointFolder, checkpointBytes: 1 << 12, checkpointMs: 0 };
      const stop = new Error("stopped");
      function* stopping() {
        for (const [i, document] of documents.entries()) {
          if (i === stopAfter) throw stop;
          yield document;
        }
      }
      await assert.rejects(trainPieces(stopping(), config, options), stop);
      assert.deepEqual(await trainPieces(documents, config, options), plain);
    });
  }
});

Deno.test("trainPieces() stopped in its search reads no text again", async () => {
  for (const stopAt of [1, 3, 6]) {
    await withFolder(async (checkpointFolder) => {
      const options: TrainingOptions = { checkpointFolder, checkpointMs: 0 };
      const stop = new Error("stopped");
      let rounds = 0;
      const info = (message: string) => {
        if (message === "estimated" && ++rounds === stopAt) throw stop;
      };
      await assert.rejects(trainPieces(documents, config, { ...options, log: { info } }), stop);
      assert.equal(rounds, stopAt);
      // deno-lint-ignore require-yield -- reading is the failure
      function* unread(): Generator<{ text: string }> {
        assert.fail("text was read again");
      }
      assert.deepEqual(await trainPieces(unread(), config, options), plain);
    });
  }
});

Deno.test("trainPieces() drops a checkpoint of another config", async () => {
  await withFolder(async (checkpointFolder) => {
    const options = { checkpointFolder, checkpointMs: 0 };
    await trainPieces(documents, { ...config, vocabSize: 400 }, options);
    assert.deepEqual(await trainPieces(documents, config, options), plain);
  });
});

Deno.test("trainPieces() killed again and again ends with the same bytes", async () => {
  const expected = await trainPieces(inventedDocuments(400), { ...config, vocabSize: 400 });
  await withFolder(async (folder) => {
    let kills = 0;
    for (const patience of [2, 3, 4, Infinity]) { // lines of its log that a process lives to say
      const process = new Deno.Command(Deno.execPath(), {
        args: [
          "run",
          "-A",
          "--no-check",
          "--quiet",
          fileURLToPath(import.meta.resolve("./train_and_report.ts")),
          folder,
        ],
        stdout: "piped",
        stderr: "piped",
      }).spawn();
      const output = new Response(process.stdout).text();
      let said = 0;
      for await (const text of process.stderr.pipeThrough(new TextDecoderStream())) {
        said += text.split("\n").length - 1;
        if (said >= patience) process.kill("SIGKILL");
      }
      const { success } = await process.status;
      if (success) assert.deepEqual(JSON.parse(await output), expected);
      else kills++;
      await output;
    }
    assert.equal(kills, 3);
  });
});

Deno.test("trainPieces() reports progress that ends at its total", async () => {
  const states: { done: number; total: number; unit: string }[] = [];
  const log = { info() {}, progress: (state: typeof states[number]) => void states.push(state) };
  const totalBytes = documents.reduce(
    (n, { text }) => n + new TextEncoder().encode(text).length,
    0,
  );
  await trainPieces(documents, config, { log, totalBytes });
  for (const unit of ["bytes", "rounds"]) {
    const own = states.filter((state) => state.unit === unit);
    assert.ok(own.length > 1, unit);
    assert.ok(own.every(({ done, total }, i) => done <= total && done >= (own[i - 1]?.done ?? 0)));
  }
});

async function withFolder(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = Deno.makeTempDirSync();
  try {
    await use(folder);
  } finally {
    Deno.removeSync(folder, { recursive: true });
  }
}
