import {
  deepStrictEqual,
  match,
  notStrictEqual,
  ok,
  rejects,
  strictEqual,
  throws,
} from "node:assert/strict";
import { join } from "node:path";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { type DocumentReader, readDocuments, readDocumentsReport } from "../../datasets/mod.ts";
import { silentLog } from "../../pipeline/stage.ts";
import { documents } from "../../stages/documents.ts";
import { type Recipe, recipeSchema } from "../../stages/recipe.ts";
import { baseRecipe, runDocuments } from "../support/documents_stage.ts";
import { HubServer, sha256 } from "../support/hub_server.ts";

const folder = Deno.makeTempDirSync();
globalThis.addEventListener("unload", () => Deno.removeSync(folder, { recursive: true }));
Deno.env.set("DEPT_CACHE", join(folder, "cache"));
Deno.env.delete("DEPT_HUB_URL");

const made = (recipe: Recipe, parts: string[], more = {}) =>
  runDocuments(folder, recipe, parts, more);
const read = (output: string) => Array.fromAsync(readDocuments(output));
const bytesOf = (output: string) => Deno.readFileSync(join(output, "documents.arrow"));

function recipeOf(
  sources: Recipe["sources"],
  changes: Partial<Recipe["documents"]> = {},
): Recipe {
  const recipe = { ...baseRecipe, sources, documents: { ...baseRecipe.documents, ...changes } };
  return recipeSchema.parse(recipe);
}

const domains = ["Github", "ArXiv", "Ubuntu IRC"];

/** A shard of documents of three domains in turn, one bad row among them. */
function shard(first: number, count: number, bad = -1): Uint8Array {
  const rows = Array.from(
    { length: count },
    (_, i) =>
      i === bad ? '{"text": 7}' : JSON.stringify({
        text: `document ${first + i}`,
        meta: { pile_set_name: domains[i % 3] },
      }),
  );
  return new Uint8Array(zstdCompressSync(new TextEncoder().encode(rows.join("\n") + "\n")));
}

const shards = {
  "train/00.jsonl.zst": shard(0, 30),
  "train/01.jsonl.zst": shard(100, 31, 30),
  "val.jsonl.zst": shard(1000, 9),
};

const pile = "hf://datasets/monology/pile-uncopyrighted";
const pileSources = Object.fromEntries(
  ["gh", "ax", "ui"].map((id, i) => [id, {
    train: `${pile}/train/*.jsonl.zst`,
    validation: `${pile}/val.jsonl.zst`,
    test: `${pile}/val.jsonl.zst`, // so that no test is taken from the training files
    where: { field: "meta.pile_set_name", is: domains[i] },
  }]),
);

function pileServer(): HubServer {
  const server = new HubServer();
  server.addDataset("monology/pile-uncopyrighted", shards, { folder: "train" });
  return server;
}

Deno.test("documents reads sources of one set of files in one pass, as if each had read them all", async () => {
  await using server = pileServer();
  const recipe = recipeOf(pileSources, { hub: server.url, badRows: "skip" });
  for (const [i, source] of ["gh", "ax", "ui"].entries()) {
    const { output } = await made(recipe, [source, "train"]);
    const found = await read(output);
    deepStrictEqual(found.map(({ text }) => text), [
      ...Array.from({ length: 10 }, (_, k) => `document ${3 * k + i}`),
      ...Array.from({ length: 10 }, (_, k) => `document ${100 + 3 * k + i}`),
    ]);
    strictEqual(found[0].id, `00.jsonl.zst:${i + 1}`);
    const report = readDocumentsReport(output);
    deepStrictEqual(report.files!.map(({ name, sha256 }) => [name, sha256]), [
      ["00.jsonl.zst", sha256(shards["train/00.jsonl.zst"])],
      ["01.jsonl.zst", sha256(shards["train/01.jsonl.zst"])],
    ]);
    strictEqual(report.skipped.rows, 1);
    match(report.skipped.first[0], /^"01.jsonl.zst", line 31/);
  }
  const bodies = server.requests.filter(({ path, headers }) =>
    /resolve/.test(path) && headers.range !== "bytes=0-0"
  );
  strictEqual(bodies.length, 2); // each shard was fetched once
  const splits = [...Deno.readDirSync(join(folder, "cache/splits"))];
  strictEqual(splits.filter(({ isDirectory }) => isDirectory).length, 2); // and sorted once
});

Deno.test("documents gives the same bytes when the shared parts are lost", async () => {
  await using server = pileServer();
  const recipe = recipeOf(pileSources, { hub: server.url, badRows: "skip" });
  const first = await made(recipe, ["ax", "train"]);
  Deno.removeSync(join(folder, "cache/splits"), { recursive: true });
  const second = await made(recipe, ["ax", "train"]);
  deepStrictEqual(bytesOf(second.output), bytesOf(first.output));
});

Deno.test("documents stops at a bad row of a shared file unless told to skip it", async () => {
  await using server = pileServer();
  const recipe = recipeOf(pileSources, { hub: server.url });
  await rejects(made(recipe, ["gh", "train"]), /"01.jsonl.zst", line 31/);
});

Deno.test("documents puts remote names into the key, and neither hub nor machine", () => {
  const recipe = recipeOf(pileSources, { hub: "http://127.0.0.1:1" });
  const params = JSON.stringify(documents.declare(recipe, ["gh", "train"]).params);
  ok(params.includes(`${pile}/train/*.jsonl.zst`) && !params.includes("127.0.0.1"));
  deepStrictEqual(documents.declare(recipe, ["gh", "train"]).files, {});
  deepStrictEqual(documents.declare(recipe, ["gh", "train"]).hints, {
    source: "gh",
    hub: "http://127.0.0.1:1",
    maxDownloadBytes: null,
    checkpointEveryMs: 5000,
  });
});

Deno.test("documents needs no network for a plan, and tells the size that is expected", () => {
  const source = { ...pileSources.gh, expected: { documents: 1000, bytes: 5_000_000 } };
  const recipe = recipeOf({ gh: source });
  deepStrictEqual(documents.declare(recipe, ["gh", "train"]).forecast, { bytes: 5_000_000 });
  const limited = recipeOf({ gh: source }, { maxDocuments: { train: 100, validation: null } });
  deepStrictEqual(documents.declare(limited, ["gh", "train"]).forecast, { bytes: 500_000 });
  ok(documents.declare(recipe, ["gh", "train"]).access!.environment!.includes("HF_TOKEN"));
});

Deno.test("documents takes a source's own limit, and the recipe's where it is lower", async () => {
  await using server = pileServer();
  const source = { ...pileSources.gh, maxDocuments: { train: 7, validation: null } };
  const count = async (changes: Partial<Recipe["documents"]>) =>
    (await made(recipeOf({ gh: source }, { hub: server.url, ...changes }), ["gh", "train"])).summary
      .documents;
  strictEqual(await count({}), 7);
  strictEqual(await count({ maxDocuments: { train: 3, validation: null } }), 3);
  const files = { ...source, maxDocuments: undefined };
  const one = recipeOf({ gh: files }, { hub: server.url, maxFiles: 1 });
  strictEqual((await made(one, ["gh", "train"])).summary.documents, 10);
});

Deno.test("documents fetches plain URLs, through whatever goes wrong", async () => {
  await using server = new HubServer();
  const rows = Array.from({ length: 500 }, (_, i) => `{"text": "${i} ${"x".repeat(300)}"}\n`).join(
    "",
  );
  server.files.set("/a.jsonl.gz", { bytes: new Uint8Array(gzipSync(rows)) });
  server.misbehave("/a.jsonl.gz", { status: 500 }, {}, { cutAfter: 900 }, { rangeOff: 3 });
  const url = `${server.url}/a.jsonl.gz`;
  const { output } = await made(recipeOf({ a: { train: url, validation: url, test: url } }), [
    "a",
    "train",
  ]);
  const found = await read(output);
  strictEqual(found.length, 500);
  strictEqual(found[7].id, "a.jsonl.gz:8");
});

Deno.test("documents refuses a file that a source names twice, by itself or by a folder", () => {
  const data = Deno.makeTempDirSync({ dir: folder });
  for (const name of ["a.jsonl", "b.jsonl"]) Deno.writeTextFileSync(join(data, name), "");
  const declared = (train: string[]) =>
    documents.declare({ ...recipeOf({ a: { train, validation: "b.jsonl" } }), data }, [
      "a",
      "train",
    ]);
  for (const train of [["a.jsonl", "./a.jsonl"], [".", "a.jsonl"], ["*.jsonl", "b.jsonl"]]) {
    throws(
      () => declared(train),
      /Cannot read sources\.a\.train: expected each file once, found ".*\/[ab]\.jsonl" twice/,
    );
  }
  strictEqual(Object.keys(declared(["a.jsonl", "b.jsonl"]).files!).length, 2);
});

Deno.test("documents reports what it dropped and in which scripts the rest is", async () => {
  const data = Deno.makeTempDirSync({ dir: folder });
  const rows = ["abc", "где", "abc", "x", "漢字漢字"].map((text) => JSON.stringify({ text }));
  Deno.writeTextFileSync(join(data, "a.jsonl"), rows.join("\n"));
  const recipe = {
    ...recipeOf({ a: { train: "a.jsonl", validation: "a.jsonl" } }, {
      duplicates: { exact: true, near: null },
      length: { minCharacters: 2, maxCharacters: null },
    }),
    data,
  };
  const { output, summary } = await made(recipe, ["a", "train"]);
  deepStrictEqual(readDocumentsReport(output).filter, {
    scripts: { Han: 4, Cyrillic: 3, Latin: 3 },
    cleaned: 0,
    duplicates: {
      exact: { documents: 1, first: ["a.jsonl:3 = a.jsonl:1"] },
      near: { documents: 0, first: [] },
    },
    rejected: { "fewer than 2 characters": { documents: 1, first: ["a.jsonl:4"] } },
    otherSplits: 0,
  });
  deepStrictEqual(summary, { documents: 3, bytes: 21, duplicates: 1, rejected: 1 });
});

/** A reader that stops the process, as far as the disk can tell, after so many documents. */
function dyingAfter(reader: DocumentReader, limit: number): DocumentReader {
  return {
    ...reader,
    read(source, options) {
      const stream = reader.read(source, options);
      return {
        get position() {
          return stream.position;
        },
        get progress() {
          return stream.progress;
        },
        async *[Symbol.asyncIterator]() {
          for await (const document of stream) {
            yield document;
            if (limit-- <= 0) throw new Error("killed");
          }
        },
      };
    },
  };
}

Deno.test("documents that was killed goes on to the same bytes", async () => {
  const data = Deno.makeTempDirSync({ dir: folder });
  for (const name of ["a", "b"]) {
    const rows = Array.from(
      { length: 4000 },
      (_, i) => `{"text": "${name} ${i % 3500} ${"é".repeat(i % 50)}"}`,
    );
    Deno.writeFileSync(join(data, `${name}.jsonl.gz`), gzipSync(rows.join("\n")));
  }
  const recipe = {
    ...recipeOf({ s: { train: ["a.jsonl.gz", "b.jsonl.gz"], validation: "a.jsonl.gz" } }, {
      duplicates: { exact: true, near: null },
    }),
    data,
  };
  const { output: plain } = await made(recipe, ["s", "train"]);
  const checkpointFolder = Deno.makeTempDirSync({ dir: folder });
  const hints = { checkpointEveryMs: 1 };
  const { reader } = await import("../../datasets/readers/jsonl.ts");
  const seen: number[] = [];
  for (const limit of [300, 1500, 2600, 200, 600]) {
    const modules = {
      "reader/0": { reader: dyingAfter(reader, limit) },
      "reader/1": { reader: dyingAfter(reader, limit) },
    };
    await rejects(made(recipe, ["s", "train"], { checkpointFolder, hints, modules }), /killed/);
    const record = join(checkpointFolder, "reading.json");
    try {
      seen.push(JSON.parse(Deno.readTextFileSync(record)).state.writer.count);
    } catch {
      seen.push(0);
    }
  }
  ok(seen.every((count, i) => count > (seen[i - 1] ?? 0)), seen.join()); // in the midst of batches, too
  const { output } = await made(recipe, ["s", "train"], { checkpointFolder, hints });
  for (const file of ["documents.arrow", "report.json"]) {
    deepStrictEqual(
      Deno.readFileSync(join(output, file)),
      Deno.readFileSync(join(plain, file)),
      file,
    );
  }
  // And again, as after a kill while the runner was publishing.
  const again = await made(recipe, ["s", "train"], { checkpointFolder, hints, log: silentLog });
  deepStrictEqual(bytesOf(again.output), bytesOf(plain));
  notStrictEqual(again.output, output);
});

Deno.test("documents stopped while it sorts a file that sources share goes on from there", async () => {
  const rows = Array.from(
    { length: 6000 },
    (_, i) => JSON.stringify({ text: `document ${i}`, meta: { set: domains[i % 3] } }),
  );
  const { reader } = await import("../../datasets/readers/jsonl.ts");
  /** Counts documents that are read, and stops at one of them. */
  const watched = (seen: { read: number }, at: number, stop: () => void): DocumentReader => ({
    ...reader,
    read(source, options) {
      const stream = reader.read(source, options);
      return {
        get position() {
          return stream.position;
        },
        get progress() {
          return stream.progress;
        },
        async *[Symbol.asyncIterator]() {
          for await (const document of stream) {
            if (++seen.read === at) stop();
            yield document;
          }
        },
      };
    },
  });
  const sorted = async (at: number) => {
    const data = Deno.makeTempDirSync({ dir: folder }); // another file: the cache does not know it
    Deno.writeTextFileSync(join(data, "all.jsonl"), rows.join("\n"));
    const where = { field: "meta.set", is: domains[1] };
    const recipe = {
      ...recipeOf({ s: { train: "all.jsonl", validation: "all.jsonl", where } }),
      data,
    };
    const checkpointFolder = Deno.makeTempDirSync({ dir: folder });
    const seen = { read: 0 };
    const stop = new AbortController();
    const modules = {
      "reader/0": { reader: watched(seen, at, () => stop.abort(new Error("stopped"))) },
    };
    const run = (signal: AbortSignal) =>
      made(recipe, ["s", "train"], { checkpointFolder, modules, signal });
    if (at < Infinity) {
      await rejects(run(stop.signal), /stopped/);
      strictEqual(seen.read, at);
      ok([...Deno.readDirSync(checkpointFolder)].some(({ name }) => name === "reading.json"));
    }
    const { output } = await run(new AbortController().signal);
    strictEqual(seen.read, 6000, "no document is read twice");
    return bytesOf(output);
  };
  deepStrictEqual(await sorted(2500), await sorted(Infinity));
});
