import assert from "node:assert/strict";
import { join } from "node:path";
import { engines as listEngines } from "../../commands/engines.ts";
import { type EngineRow, engines } from "../../engine/mod.ts";
import { checkEngine } from "../../stages/recipe_engine.ts";
import { captured } from "../support/captured.ts";
import { projectRoot } from "../support/paths.ts";

Deno.test("engines: no code outside the table, recipes and tests compares the name of an engine", () => {
  const rooms = ["base", "bench", "commands", "datasets", "engine", "model", "pipeline", "stages"];
  const ids = `["'\`](?:${Object.keys(engines).join("|")})["'\`]`;
  const comparison = new RegExp(
    `[!=]==?\\s*${ids}|${ids}\\s*[!=]==?|case ${ids}|(?:includes|startsWith|endsWith|has|get)\\(${ids}`,
    "g",
  );
  assert.match('kind === "cpu"', comparison); // the check finds one
  const found = [...rooms, "tokenizers", "training"].flatMap(modulesUnder).flatMap((path) =>
    [...Deno.readTextFileSync(path).matchAll(comparison)].map(([text]) => `${path}: ${text}`)
  );
  assert.deepEqual(found, []);
});

Deno.test("engines: a new row appears in the recipe's messages and in the command engines", async () => {
  const rows = engines as Record<string, EngineRow>;
  rows.zzz = { ...rows.reference, precisions: ["fp16"] };
  let printed = "";
  try {
    const use = (kind: string, precision: "fp32" | "fp16") => () =>
      checkEngine({ engine: { kind, precision, threads: 1 } });
    assert.throws(use("zzy", "fp32"), /expected one of .*, zzz \(did you mean "zzz"\?\)/);
    assert.throws(use("cpu", "fp16"), /only "webgpu" or "zzz" has "fp16"/);
    use("zzz", "fp16")();
    printed = (await captured(() => listEngines({}))).stdout;
  } finally {
    delete rows.zzz;
  }
  // The process that tries it has the table without the row.
  assert.match(printed, /^zzz +Cannot use engine "zzz"/m);
});

Deno.test("engines: who multiplies is said only where an engine leaves the choice", () => {
  const use = (kind: string, precision: "fp32" | "bf16", products: "own" | "cublaslt") => () =>
    checkEngine({ engine: { kind, precision, products, threads: 1 } });
  use("cuda-native", "bf16", "own")();
  use("cuda-native", "fp32", "own")();
  assert.throws(
    use("cuda-native", "fp32", "cublaslt"),
    /^UsageError: Cannot use engine "cuda-native" with precision "fp32" and products "cublaslt": expected precision "tf32" or "bf16"/,
  );
  assert.throws(use("cpu", "fp32", "own"), /products "own": expected no word on products/);
});

Deno.test("engines: docs/training.md has the table's rows", () => {
  const text = Deno.readTextFileSync(join(projectRoot, "docs/training.md"));
  const [, found] = /\| engine \| what \| parameters \|\n.*\n((?:\|.*\n)+)/.exec(text)!;
  const expected = Object.entries(engines).map(([name, { meaning, parameters }]) =>
    `| \`${name}\` | ${meaning} | ${parameters} |\n`
  );
  assert.equal(found, expected.join(""));
});

function modulesUnder(folder: string): string[] {
  const path = join(projectRoot, folder);
  return [...Deno.readDirSync(path)].flatMap(({ name, isDirectory }) =>
    isDirectory
      ? modulesUnder(join(folder, name))
      : name.endsWith(".ts")
      ? [join(projectRoot, folder, name)]
      : []
  );
}
