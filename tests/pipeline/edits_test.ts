/**
 * Edits of the real project's code: which stages become stale by each, and that moving files makes none stale.
 */
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { project } from "../../commands/dept.ts";
import { readerModule } from "../../datasets/mod.ts";
import { engineModule } from "../../engine/mod.ts";
import { type CodeDigest, CodeDigests } from "../../pipeline/code_digest.ts";
import type { CodeEntry } from "../../pipeline/code_modules.ts";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { expand } from "../../pipeline/instances.ts";
import { loadStudy } from "../../pipeline/recipe.ts";
import { tinyRecipe } from "../support/command_line.ts";
import { copyProject, edit, moveModule } from "../support/checkout.ts";
import { projectRoot } from "../support/paths.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

type Code = Readonly<Record<string, CodeDigest>>;

/** Modules by role, as a plan digests them, of what a recipe runs; what other recipes run beside it. */
const work: ReadonlyMap<string, Readonly<Record<string, CodeEntry>>> = await (async () => {
  const set = [
    ...["pretrain.variants=[std-t0, trim]", "tune.variants=[trim]", "continue.starts=[random]"],
    ...["tables=[cost, heterogeneity]", "figures=[stability]", "pretrain.monitors.everySteps=2"],
  ];
  const study = await loadStudy(tinyRecipe, { ...project, folder: project.recipes, set });
  const entry = (module: string, exports: CodeEntry["exports"] = "all") => ({ module, exports });
  const all = [...expand(project.stages, study).values()].map((instance) => {
    const { stage, parts, declaration } = instance;
    const isOne = ["documents", "pretrain", "table"].includes(stage.name);
    return [isOne ? `${stage.name}/${parts[0]}` : stage.name, {
      run: entry(stage.module, "run"),
      context: entry(import.meta.resolve("../../pipeline/stage_context.ts")),
      ...Object.fromEntries(
        Object.entries(declaration.uses).map(([role, module]) => [role, entry(module)]),
      ),
    }] as const;
  });
  const named = new Map<string, Readonly<Record<string, CodeEntry>>>(all);
  const { source: _, ...documents } = named.get("documents/code")!;
  const adopted = entry(import.meta.resolve("../../tokenizers/adopted/mod.ts"));
  return new Map([
    ...named,
    ["documents/jsonl", { ...documents, reader: entry(readerModule("a.jsonl")) }],
    ["vocabulary/adopted", { ...named.get("vocabulary")!, vocabulary: adopted }],
    ["continue/reference", { ...named.get("continue")!, engine: entry(engineModule("reference")) }],
  ]);
})();

/** The code of all of them in a copy of the project, where modules may have moved. */
async function codeIn(
  root: string,
  moved: Readonly<Record<string, string>> = {},
): Promise<ReadonlyMap<string, Code>> {
  const code = new CodeDigests(root, new FileDigests(undefined), undefined);
  const inCopy = ({ module, exports }: CodeEntry): CodeEntry => {
    const path = relative(projectRoot, fileURLToPath(module));
    return { module: pathToFileURL(join(root, moved[path] ?? path)).href, exports };
  };
  await code.prepare([...work.values()].flatMap((it) => Object.values(it).map(inCopy)));
  return new Map([...work].map(([name, entries]) => [
    name,
    Object.fromEntries(
      Object.entries(entries).map(([role, entry]) => [role, code.of(inCopy(entry))]),
    ),
  ]));
}

/** What has another key, its inputs being the same, and the modules by which `why` names the change. */
function changes(
  before: ReadonlyMap<string, Code>,
  after: ReadonlyMap<string, Code>,
): ReadonlyMap<string, ReadonlySet<string>> {
  const found = new Map<string, ReadonlySet<string>>();
  for (const [name, roles] of before) {
    const modules = new Set<string>();
    for (const [role, { digest, modules: old }] of Object.entries(roles)) {
      const { digest: newDigest, modules: now } = after.get(name)![role];
      const paths = Object.keys({ ...old, ...now }).filter((path) => old[path] !== now[path]);
      if (newDigest !== digest) found.set(name, modules);
      else if (paths.length > 0) throw new Error(`${paths} changed, but not the key of ${name}`);
      paths.forEach((path) => modules.add(path));
    }
  }
  return found;
}

type Edit = (root: string) => void;

const append = (path: string, text: string): Edit => (root) =>
  Deno.writeTextFileSync(join(root, path), Deno.readTextFileSync(join(root, path)) + text);

const harmless: Readonly<Record<string, Edit>> = {
  "a comment in a deep module": append("model/differentiate.ts", "\n// A remark.\n"),
  "a type": (root) =>
    edit(join(root, "training/outer_step.ts"), "readonly tensors: Group;", "tensors: Group;"),
  "formatting": (root) =>
    edit(
      join(root, "datasets/permutation.ts"),
      "let value = position;",
      "let value =\n  position;",
    ),
  "an export that nobody imports, and another name for it": (root) => {
    append("tokenizers/unigram/pruning.ts", "\nexport const unused = 1;\n")(root);
    edit(join(root, "tokenizers/unigram/pruning.ts"), "const unused", "const stillUnused");
  },
  "a new operator": (root) => {
    Deno.writeTextFileSync(
      join(root, "model/ops/swish.ts"),
      Deno.readTextFileSync(join(root, "model/ops/gelu.ts")).replaceAll(/(g|G)elu/g, "$1wish"),
    );
    const mod = join(root, "model/ops/mod.ts");
    edit(mod, /(import \{ gemm \}.*)/, '$1\nimport { gwish } from "./swish.ts";');
    edit(mod, /( {2}Gemm: gemm,)/, "$1\n  Gwish: gwish,");
  },
  "a new reader": (root) => {
    const mod = join(root, "datasets/readers/mod.ts");
    Deno.copyFileSync(
      join(root, "datasets/readers/text.ts"),
      join(root, "datasets/readers/extra.ts"),
    );
    edit(mod, /("\.txt": "\.\/text\.ts",?)/, '$1\n  ".extra": "./extra.ts",');
  },
  "a new engine": (root) => {
    const table = join(root, "engine/engines.ts");
    edit(table, /( {2}reference: (\{[^]*?\n {2}\}),)/, "$1\n  zzz: $2,");
  },
  "an edit of how a bucket is asked": append("exchange/s3.ts", "\nconsole.log(1);\n"),
  "an edit of how exchanges of all kinds are opened": append(
    "exchange/open_exchange.ts",
    "\nconsole.log(1);\n",
  ),
  "an edit of the scheduler": append("pipeline/scheduler.ts", "\nexport const edited = 1;\n"),
  "an edit of the planner": append("pipeline/plan.ts", "\nexport const edited = 1;\n"),
  "an edit of the child beside the context": append("pipeline/child.ts", "\nconsole.log(1);\n"),
  "an edit of a command": append("commands/run.ts", "\nexport const edited = 1;\n"),
};

const documents = ["documents/arithmetic", "documents/code", "documents/jsonl"];
const vocabularies = ["vocabulary", "vocabulary/adopted"];
const pretrains = ["pretrain/std-t0", "pretrain/trim"];
const fromScratch = ["tune", ...pretrains];
const trains = ["continue", "continue/reference", ...fromScratch];
const computes = ["evaluate", "finetune", ...trains];
const onProcessor = computes.filter((name) => name !== "continue/reference");

/** What replaces a text of a file, and what must run again: by its own code, whatever its inputs. */
type MeantEdit = readonly [file: string, from: string, to: string, names: readonly string[]];

const meant: readonly MeantEdit[] = [
  ["base/random.ts", "this.#d, 11", "this.#d, 12", [
    ...[...documents, ...vocabularies, "ngrams", ...computes], // a vocabulary's file may be fetched: pauses between tries are drawn
  ]],
  ["pipeline/stage_context.ts", "seedOf(root, name)", "seedOf(root + 1, name)", [...work.keys()]],
  ["pipeline/pattern.ts", "^", "^.", [...work.keys()]],
  ["datasets/generators/code.ts", "zipf(verbs, 2)", "zipf(verbs, 3)", ["documents/code"]],
  ["datasets/readers/jsonl.ts", "row.length === 0", "row.length === 1", ["documents/jsonl"]],
  ["datasets/permutation.ts", "0x85ebca6b", "0x85ebca6c", trains],
  ["tokenizers/unigram/training_thread.ts", "answer(data)", "answer({ ...data })", vocabularies],
  ["tokenizers/unigram/pruning.ts", "count / total *", "count / total +", vocabularies],
  // As if made from other AssemblyScript: tests/assembly_test.ts holds the code and its sources together.
  ["tokenizers/unigram/assembly_code.ts", "AGFzbQEAAAAB", "AGFzbQEAAAAC", [
    ...["tokenize", "ngrams", "evaluate", "finetune", ...vocabularies],
  ]],
  ["engine/onnxruntime/assembly_code.ts", "AGFzbQEAAAAB", "AGFzbQEAAAAC", onProcessor],
  ["datasets/assembly_code.ts", "AGFzbQEAAAAB", "AGFzbQEAAAAC", documents],
  ["tokenizers/foreign/foreign_worker.ts", "getVocab(true)", "getVocab(false)", [
    "vocabulary/adopted",
  ]],
  ["tokenizers/sentencepiece/normalizer.ts", "space = 0x20", "space = 0x21", [
    "vocabulary/adopted",
  ]],
  ["model/initialise.ts", "2 * nLayers", "3 * nLayers", fromScratch],
  ["model/ops/gelu.ts", "[dY!, x]", "[x, dY!]", computes],
  ["model/ops/layer_normalization.ts", "width + epsilon", "width - epsilon", computes],
  ["engine/onnxruntime/host_update.ts", "chunk >= chunks", "chunk > chunks", onProcessor],
  ["engine/reference/interpret.ts", "new Set(wanted)", "new Set()", ["continue/reference"]],
  ["training/outer_optimizer.ts", "value + mean", "value - mean", fromScratch],
  ["training/schedule.ts", "(1 - finalFactor)", "finalFactor", trains],
  ["stages/silo_work.ts", "openTokenShards(train)", "openTokenShards(validation)", pretrains],
  ["exchange/folder.ts", "least: 5", "least: 6", pretrains],
  ["stages/report/heterogeneity.ts", "/ bytes / Math.LN2", "/ bytes", ["table/heterogeneity"]],
  ["stages/figures/draw.ts", "opacity: 0.2", "opacity: 0.3", ["figure"]],
];

Deno.test("edits that mean something: who has each in its key, and under which module", async (t) => {
  await inTemporaryFolder(async (folder) => {
    copyProject(folder);
    const before = await codeIn(folder);
    for (const [file, from, to] of meant) edit(join(folder, file), from, to);
    const stale = changes(before, await codeIn(folder));
    for (const [file, from, to, names] of meant) {
      await t.step(`${file}: ${from} → ${to}`, () => {
        const found = [...stale].filter(([, modules]) => modules.has(file)).map(([name]) => name);
        assert.deepEqual(found.sort(), [...names].sort());
      });
    }
    const edited = new Set(meant.map(([file]) => file));
    const others = [...stale.values()].flatMap((modules) => [...modules.difference(edited)]);
    assert.deepEqual(others, [], "no other module is named");
  });
});

Deno.test("edits that mean nothing to a run change no key", async () => {
  await inTemporaryFolder(async (folder) => {
    copyProject(folder);
    const before = await codeIn(folder);
    const packages = [...before.values()].flatMap((code) => Object.values(code))
      .flatMap(({ packages }) => packages);
    assert.ok(!packages.includes("zod"), "schemas of settings are in no bundle");
    assert.ok(!packages.includes("aws4fetch"), "the code of S3 is in no bundle");
    assert.ok(!packages.some((name) => name.startsWith("@nats-io/")), "nor is that of NATS");
    for (const change of Object.values(harmless)) change(folder);
    assert.deepEqual(changes(before, await codeIn(folder)), new Map());
    edit(
      join(folder, "training/variants.ts"),
      /( {2}"std-t0": std.*)/,
      '$1\n  "new": std(1, "new"),',
    );
    assert.deepEqual(
      [...changes(before, await codeIn(folder)).keys()].sort(),
      ["figure", "table/cost", "table/heterogeneity"],
      "a new variant: what looks at the table of all, nothing that trains",
    );
  });
});

/** A file of every room, some of them entries, some loaded by `import *` or by threads. */
const moves: Readonly<Record<string, string>> = {
  "base/random.ts": "base/numbers/draws.ts",
  "pipeline/pattern.ts": "pipeline/names/globs.ts",
  "pipeline/stage_context.ts": "pipeline/names/context.ts",
  "datasets/permutation.ts": "datasets/order/shuffle.ts",
  "datasets/readers/jsonl.ts": "datasets/lines.ts",
  "datasets/generators/code.ts": "datasets/generators/made/programs.ts",
  "tokenizers/unigram/training_thread.ts": "tokenizers/thread.ts",
  "tokenizers/unigram/mod.ts": "tokenizers/own/unigram.ts",
  "tokenizers/foreign/foreign_worker.ts": "tokenizers/foreign/inner/worker.ts",
  "tokenizers/adopted/mod.ts": "tokenizers/adopted.ts",
  "model/ops/products.ts": "model/kernels/of_matrices.ts",
  "engine/onnxruntime/host_update.ts": "engine/onnxruntime/processor/update.ts",
  "engine/onnxruntime/assembly_code.ts": "engine/onnxruntime/processor/code.ts",
  "engine/reference/mod.ts": "engine/plain.ts",
  "training/outer_step.ts": "training/outer/step.ts",
  "stages/silo_process.ts": "stages/parallel/worker.ts",
  "stages/silo_processes.ts": "stages/parallel/workers.ts",
  "stages/pretrain.ts": "stages/training/pre_training.ts",
  "stages/report/heterogeneity.ts": "stages/heterogeneity_table.ts",
  "commands/run.ts": "commands/runs/run.ts",
};

Deno.test("a moved file changes no key, in any room", async () => {
  await inTemporaryFolder(async (folder) => {
    copyProject(folder);
    const before = await codeIn(folder);
    for (const [from, to] of Object.entries(moves)) moveModule(folder, from, to);
    const after = await codeIn(folder, moves);
    for (const [name, roles] of before) {
      for (const [role, { digest }] of Object.entries(roles)) {
        assert.equal(after.get(name)![role].digest, digest, `${role} of ${name}`);
      }
    }
    const { modules } = after.get("pretrain/trim")!.run;
    assert.ok(moves["stages/silo_process.ts"] in modules, "a change is named by the new path");
  });
});
