/**
 * Edits of the real project's code: which of the stages' bundles they change, and the module by which a change is named.
 */
import assert from "node:assert/strict";
import { join, relative } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type CodeDigest, CodeDigests, type CodeEntry } from "../../pipeline/code_digest.ts";
import { FileDigests } from "../../pipeline/file_digests.ts";
import { stages } from "../../stages/mod.ts";
import { copyProject, edit } from "../support/checkout.ts";
import { projectRoot } from "../support/paths.ts";
import { inTemporaryFolder } from "../support/toy_cli.ts";

/** Digest of each stage's bundle, and of the engines', in a copy of the project. */
async function bundles(root: string): Promise<Map<string, CodeDigest>> {
  const code = new CodeDigests(root, new FileDigests(undefined), join(root, "bundles"));
  const inCopy = (path: string) => pathToFileURL(join(root, path)).href;
  const entries: CodeEntry[] = [
    ...stages.map(({ module }): CodeEntry => ({
      module: inCopy(relative(projectRoot, fileURLToPath(module))),
      exports: "run",
    })),
    { module: inCopy("engine/onnxruntime/mod.ts"), exports: "all" },
    { module: inCopy("engine/reference/mod.ts"), exports: "all" },
  ];
  await code.prepare(entries);
  code.save();
  return new Map(entries.map((entry) => [code.of(entry).path, code.of(entry)]));
}

type Edit = (root: string) => void;

const append = (path: string, text: string): Edit => (root) =>
  Deno.writeTextFileSync(join(root, path), Deno.readTextFileSync(join(root, path)) + text);

const harmless: Readonly<Record<string, Edit>> = {
  "a comment in a deep module": append("model/differentiate.ts", "\n// A remark.\n"),
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
  "a new variant": (root) =>
    edit(
      join(root, "training/variants.ts"),
      /( {2}"std-t0": std.*)/,
      '$1\n  "new": std(1, "new"),',
    ),
  "an edit of the scheduler": append("pipeline/scheduler.ts", "\nexport const edited = 1;\n"),
  "an edit of the planner": append("pipeline/plan.ts", "\nexport const edited = 1;\n"),
  "an edit of a command": append("commands/run.ts", "\nexport const edited = 1;\n"),
};

Deno.test("edits of the project: what changes no bundle, and which module names a change", async (t) => {
  await inTemporaryFolder(async (folder) => {
    copyProject(folder);
    const before = await bundles(folder);
    for (const [what, change] of Object.entries(harmless)) {
      await t.step(`${what} changes no bundle`, async () => {
        change(folder);
        assert.deepEqual(changed(before, await bundles(folder)), {});
      });
    }
    await t.step(
      "a constant of the optimizer changes the engine that has it, and names its file",
      async () => {
        edit(join(folder, "engine/onnxruntime/adamw.ts"), /1 - /, "1.0000001 - ");
        assert.deepEqual(changed(before, await bundles(folder)), {
          "engine/onnxruntime/mod.ts": ["engine/onnxruntime/adamw.ts"],
        });
      },
    );
  });
});

/** By bundle that changed, the modules of it that did. */
function changed(
  before: ReadonlyMap<string, CodeDigest>,
  after: ReadonlyMap<string, CodeDigest>,
): Record<string, string[]> {
  const paths = [...before.keys()].filter((path) =>
    before.get(path)!.digest !== after.get(path)!.digest
  );
  return Object.fromEntries(paths.map((path) => {
    const [old, now] = [before.get(path)!.modules, after.get(path)!.modules];
    const names = new Set([...Object.keys(old), ...Object.keys(now)]);
    return [path, [...names].filter((name) => old[name] !== now[name]).sort()];
  }));
}
