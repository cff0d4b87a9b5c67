/**
 * Bad input ends with one clear message and the right exit code, and leaves nothing half-written in the store.
 */
import assert from "node:assert/strict";
import { existsSync } from "node:fs";
import { join } from "node:path";
import { pipeline, temporaryFolder, tinyRecipe } from "../support/command_line.ts";

interface Case {
  readonly name: string;
  readonly code: 1 | 2;
  /** What the message must say. */
  readonly says: readonly RegExp[];
  /** Changes a good data folder (sources `aa`, `bb`) or the arguments. */
  prepare(data: string): readonly string[] | void;
}

const good =
  Array.from({ length: 40 }, (_, i) => JSON.stringify({ text: `line ${i} of a small source` }))
    .join("\n") + "\n";

const cases: readonly Case[] = [
  {
    name: "a missing file",
    code: 2,
    says: [/aa/, /validation\.jsonl/, /expected/],
    prepare: (data) => Deno.removeSync(join(data, "aa/validation.jsonl")),
  },
  {
    name: "a directory where a file is expected",
    code: 2,
    says: [/aa\/train\.jsonl/, /expected a file/, /folder/],
    prepare(data) {
      Deno.removeSync(join(data, "aa/train.jsonl"));
      Deno.mkdirSync(join(data, "aa/train.jsonl"));
    },
  },
  {
    name: "invalid JSON at a line",
    code: 1,
    says: [/train\.jsonl/, /line 3\b/],
    prepare: (data) =>
      Deno.writeTextFileSync(
        join(data, "aa/train.jsonl"),
        '{"text":"a"}\n{"text":"b"}\n{"text":\n',
      ),
  },
  {
    name: "a record without the text field",
    code: 1,
    says: [/train\.jsonl/, /line 2\b/, /"text"/, /body/],
    prepare: (data) =>
      Deno.writeTextFileSync(join(data, "aa/train.jsonl"), '{"text":"a"}\n{"body":"b"}\n'),
  },
  {
    name: "invalid UTF-8",
    code: 1,
    says: [/train\.jsonl/, /line 2\b/, /UTF-8/],
    prepare(data) {
      const bytes = [
        ...new TextEncoder().encode('{"text":"a"}\n{"text":"'),
        0xff,
        0x22,
        0x7d,
        0x0a,
      ];
      Deno.writeFileSync(join(data, "aa/train.jsonl"), Uint8Array.from(bytes));
    },
  },
  {
    name: "an empty source",
    code: 1,
    says: [/train\.jsonl/, /at least one document/],
    prepare: (data) => Deno.writeTextFileSync(join(data, "aa/train.jsonl"), ""),
  },
  {
    name: "a misspelt key in a recipe",
    code: 2,
    says: [/bad\.yaml:5:\d+/, /"localStep"/, /"localSteps"/],
    prepare(data) {
      const path = join(data, "../bad.yaml");
      Deno.writeTextFileSync(
        path,
        `extends: ${tinyRecipe}\nname: bad\ndescription: misspelt\npretrain:\n  localStep: 3\n`,
      );
      return ["--recipe", path];
    },
  },
  {
    name: "a vocabulary larger than the source can give",
    code: 1,
    says: [/vocabSize|vocabulary/, /100000/, /\d{3}/],
    prepare: () => ["--set", "vocabulary.global.vocabSize=100000"],
  },
  {
    name: "more sources per round than there are",
    code: 2,
    says: [/sourcesPerRound/, /\b2\b/, /\b9\b/],
    prepare: () => ["--set", "pretrain.sourcesPerRound=9"],
  },
];

for (const { name, code, says, prepare } of cases) {
  Deno.test(`run refuses ${name} with one clear message`, async () => {
    using folder = temporaryFolder();
    const data = join(folder.path, "data");
    for (const source of ["aa", "bb"]) {
      Deno.mkdirSync(join(data, source), { recursive: true });
      for (const split of ["train", "validation"]) {
        Deno.writeTextFileSync(join(data, source, `${split}.jsonl`), good);
      }
    }
    const store = join(folder.path, "store");
    const more = prepare(data) ?? [];
    const recipe = more.includes("--recipe")
      ? []
      : ["--recipe", tinyRecipe, "--set", "sources=null", "--set", `data=${data}`];
    const { code: found, stdout, stderr } = await pipeline([
      "run",
      "pretrain/trim",
      "--store",
      store,
      "--jobs",
      "1",
      ...recipe,
      ...more,
    ]);
    const output = stdout + stderr;
    assert.equal(found, code, output);
    for (const pattern of says) assert.match(output, pattern);
    assert.doesNotMatch(output, /\n\s+at .*\.ts:\d+/, "a stack is no message");
    assertNothingHalfWritten(store);
  });
}

/** Every manifest's objects are whole, and no temporary file stands under the store. */
function assertNothingHalfWritten(store: string): void {
  if (!existsSync(store)) return;
  const left = existsSync(join(store, "tmp")) ? [...Deno.readDirSync(join(store, "tmp"))] : [];
  assert.deepEqual(left.map((entry) => entry.name), []);
  if (!existsSync(join(store, "manifests"))) return;
  for (const entry of Deno.readDirSync(join(store, "manifests"))) {
    const manifest = JSON.parse(Deno.readTextFileSync(join(store, "manifests", entry.name)));
    assert.doesNotMatch(manifest.instance, /^pretrain/);
    for (const digest of Object.values<string>(manifest.outputs)) {
      assert.ok(existsSync(join(store, "objects", digest.slice(0, 2), digest)), digest);
    }
  }
}
