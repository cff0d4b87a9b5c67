/**
 * The paper's recipes, cut to seconds: read from a server of this machine that has the layout of the hub, one shard a source,
 * two rounds of two steps.
 */
import { deepStrictEqual, match, ok, strictEqual } from "node:assert/strict";
import { gzipSync, zstdCompressSync } from "node:zlib";
import { parquetWriteBuffer } from "hyparquet-writer";
import { Random, seedOf } from "../../base/mod.ts";
import { pipelineCommand, temporaryFolder } from "../support/command_line.ts";
import { HubServer } from "../support/hub_server.ts";

const cut = [
  "model={nLayers: 1, dModel: 16, nHeads: 2, seqLen: 32}",
  "vocabulary={global: {vocabSize: 320}, own: {vocabSize: 310}}",
  "pretrain={variants: [trim], rounds: 2, localSteps: 2, batchSize: 2, microBatchSize: 2, validationWindows: 2}",
  "pretrain.peakLearningRates={}",
  "continue={steps: 2, batchSize: 2, microBatchSize: 2}",
  "evaluate.bootstrapSamples=20",
  "documents.maxFiles=1",
];

async function run(
  server: HubServer,
  folder: string,
  recipe: string,
  more: readonly string[] = [],
) {
  const sets = cut.flatMap((set) => ["--set", set]);
  const args = ["run", "all", "--recipe", recipe, ...sets, "--store", `${folder}/store`, ...more];
  const env = { DEPT_HUB_URL: server.url, DEPT_CACHE: `${folder}/cache` };
  const { code, stdout, stderr } = await pipelineCommand(args, undefined, env).output();
  const text = new TextDecoder();
  return { code, text: text.decode(stdout) + text.decode(stderr) };
}

/** Lines of JSON with words that differ from source to source. */
function rows(source: string, count: number, meta: object = {}): string {
  const random = new Random(seedOf(1, source));
  const alphabet = random.shuffle([..."abcdefghijklmnoprstuvwz"]).slice(0, 12);
  const word = () =>
    Array.from({ length: 2 + random.below(5) }, () => alphabet[random.below(12)]).join("");
  const lines = Array.from(
    { length: count },
    () => JSON.stringify({ text: Array.from({ length: 40 }, word).join(" "), ...meta }),
  );
  return lines.join("\n") + "\n";
}

/** Whole bodies that were asked for, by path. */
function bodies(server: HubServer): string[] {
  return server.requests.filter(({ path, headers }) =>
    path.includes("/resolve/") && headers.range !== "bytes=0-0"
  ).map(({ path }) => path.split("/resolve/")[1]).sort();
}

/** The four downstream tasks as the hub has them, cut to a few examples. */
function addTasks(server: HubServer): void {
  const parquet = (columns: Record<string, readonly unknown[]>, count: number) => {
    const columnData = Object.entries(columns).map(([name, values]) => ({
      name,
      data: Array.from({ length: count }, (_, i) => {
        const value = values[i % values.length];
        return typeof value === "string" && value.length > 1 ? `${value} ${i}` : value;
      }),
    }));
    return new Uint8Array(parquetWriteBuffer({ columnData: columnData as never }));
  };
  const pairs = { sentence1: ["a b", "c d"], sentence2: ["b a", "e f"] };
  const task = (columns: Record<string, readonly unknown[]>, splits: Record<string, number>) =>
    Object.entries(splits).map(([split, count]) =>
      [`${split}-00000-of-00001.parquet`, parquet(columns, count)] as const
    );
  const glue = {
    mnli: task({ premise: ["a b", "c"], hypothesis: ["b", "d e"], label: [0n, 2n, 1n] }, {
      train: 12,
      validation_matched: 6,
      validation_mismatched: 6,
    }),
    sst2: task({ sentence: ["a joy", "a bore"], label: [1n, 0n] }, { train: 60, validation: 6 }),
    stsb: task({ ...pairs, label: [4.5, 0.5, 2] }, { train: 60, validation: 6 }),
  };
  for (const [name, files] of Object.entries(glue)) {
    const placed = Object.fromEntries(files.map(([file, bytes]) => [`${name}/${file}`, bytes]));
    server.addDataset("nyu-mll/glue", placed, { folder: name });
  }
  const race = {
    article: ["a passage"],
    question: ["what?"],
    options: [["a", "b", "c", "d"]],
    answer: ["B", "D"],
  };
  const files = task(race, { train: 12, validation: 6, test: 6 });
  const placed = Object.fromEntries(files.map(([file, bytes]) => [`all/${file}`, bytes]));
  server.addDataset("ehovy/race", placed, { folder: "all" });
}

Deno.test("recipes multidomain and multidomain-24 run against a hub of this machine, each shard fetched once for 17 sources", async () => {
  const sets = [
    ..."ArXiv,Pile-CC,DM Mathematics,Enron Emails,EuroParl,FreeLaw,Github,Gutenberg (PG-19)".split(
      ",",
    ),
    ..."HackerNews,NIH ExPorter,PubMed Abstracts,PubMed Central,PhilPapers,StackExchange".split(
      ",",
    ),
    ..."USPTO Backgrounds,Ubuntu IRC,Wikipedia (en)".split(","),
  ];
  const shard = (part: string, count: number) => {
    const text = sets.map((name) =>
      rows(`${part} ${name}`, count, { meta: { pile_set_name: name } })
    ).join("");
    return new Uint8Array(zstdCompressSync(new TextEncoder().encode(text)));
  };
  await using server = new HubServer();
  server.addDataset("monology/pile-uncopyrighted", {
    "train/00.jsonl.zst": shard("00", 12),
    "train/01.jsonl.zst": shard("01", 12),
    "val.jsonl.zst": shard("val", 6),
    "test.jsonl.zst": shard("test", 6),
  }, { folder: "train" });
  server.misbehave("/datasets/monology/pile-uncopyrighted/resolve/main/val.jsonl.zst", {}, {
    cutAfter: 999,
  });
  using folder = temporaryFolder();
  const dry = await run(server, folder.path, "multidomain", ["--dry-run"]);
  strictEqual(dry.code, 0, dry.text);
  strictEqual(server.requests.length, 0); // a plan asks nobody
  const { code, text } = await run(server, folder.path, "multidomain");
  strictEqual(code, 0, text);
  match(text, /ui \(held out\) +12 /);
  deepStrictEqual([...new Set(bodies(server))], [
    "main/test.jsonl.zst",
    "main/train/00.jsonl.zst",
    "main/val.jsonl.zst",
  ]);
  strictEqual(bodies(server).length, 4); // one of them was cut

  // The larger recipe, cut to the same model, reads the same text, and the tasks besides.
  addTasks(server);
  const smaller = [
    "finetune={seqLen: 32, epochs: 1, batchSize: 4}",
    "continue.starts=[random]",
    "tables=[perplexity-random, downstream]",
  ].flatMap((set) => ["--set", set]);
  const larger = await run(server, folder.path, "multidomain-24", smaller);
  strictEqual(larger.code, 0, larger.text);
  match(larger.text, /finetune\/trim\/random\/stsb/);
  match(larger.text, /cached \d{2}/);
  strictEqual(bodies(server).length, 4 + 3 + 3 + 2 + 2); // of each task its splits, once
});

Deno.test("recipes multilingual and multilingual-1b read eight languages and three held-out ones from a hub of this machine", async () => {
  const commit = "1ddc917116b730e1859edef32896ec5c16be51d0";
  const gz = (text: string) => new Uint8Array(gzipSync(text));
  const shards = {
    de: [2048, 16],
    el: [1024, 2],
    hi: [1024, 2],
    it: [1024, 8],
    la: [64, 1],
    ms: [512, 1],
    sr: [256, 1],
    sw: [32, 1],
    ur: [128, 1],
    zh: [1024, 2],
  };
  const of = (count: number) => `of-${`${count}`.padStart(5, "0")}.json.gz`;
  const files: Record<string, Uint8Array> = {};
  for (const [language, [train, validation]] of Object.entries(shards)) {
    const stem = `multilingual/c4-${language}`;
    files[`${stem}.tfrecord-00000-${of(train)}`] = gz(rows(language, 24));
    files[`${stem}.tfrecord-00001-${of(train)}`] = gz(rows(language, 24));
    files[`${stem}-validation.tfrecord-00000-${of(validation)}`] = gz(rows(`${language} v`, 6));
  }
  await using server = new HubServer();
  server.addDataset("allenai/c4", files, { revision: commit, folder: "multilingual", pageSize: 7 });
  server.addDataset("allenai/c4", {
    [`en/c4-train.00000-${of(1024)}`]: gz(rows("en", 24)),
    [`en/c4-validation.00000-${of(8)}`]: gz(rows("en v", 6)),
  }, { revision: commit, folder: "en" });
  using folder = temporaryFolder();
  // Of so few documents a usual share would leave no test.
  const share = ["--set", "documents.testShare=0.3"];
  const { code, text } = await run(server, folder.path, "multilingual", [
    ...share,
    ...["--set", "pretrain.variants=[trim, spec-opt]"],
  ]);
  strictEqual(code, 0, text);
  ok(/hi \(held out\)/.test(text) && /^sw/m.test(text), text);
  strictEqual(bodies(server).length, 22); // one shard for each of 11 languages and 2 splits
  const larger = await run(server, folder.path, "multilingual-1b", [
    ...share,
    ...["--set", "pretrain.variants=[spec-opt]"],
  ]);
  strictEqual(larger.code, 0, larger.text);
  match(larger.text, /cached \d{2}/);
  strictEqual(bodies(server).length, 22);
});
