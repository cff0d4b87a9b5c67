/**
 * The WebAssembly code that is kept beside a folder `assembly/`, in `assembly_code.ts`, is what AssemblyScript makes of it.
 *
 * With DEPT_UPDATE_GOLDEN=1 it is written again.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { dirname, join } from "node:path";
import { projectRoot } from "./support/paths.ts";

/** The module of each folder whose exports are the code's. */
const entries = [
  "datasets/assembly/documents.ts",
  "engine/onnxruntime/assembly/adamw.ts",
  "tokenizers/unigram/assembly/encode.ts",
];
const compiler = "npm:assemblyscript@0.28.20/asc";
const command = "DEPT_UPDATE_GOLDEN=1 deno test -A --no-check tests/assembly_test.ts";

/** What stands in `assembly_code.ts`. */
async function assemble(entry: string): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "code.wasm");
    // Outside of deno.lock: what is there is downloaded by every first run. The test is whether the same bytes come out.
    const args = ["run", "-A", "--quiet", "--no-lock", compiler, entry, "--outFile", file];
    const options = [
      "-O3",
      "--noAssert",
      "--runtime",
      "stub",
      "--importMemory",
      "--enable",
      "simd",
    ];
    const { success, stderr } = await new Deno.Command(Deno.execPath(), {
      args: [...args, ...options, "--disableWarning"],
      cwd: projectRoot,
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const lines = Buffer.from(await Deno.readFile(file)).toString("base64").match(/.{1,96}/g)!;
    return [
      "/**",
      " * `assembly/`, compiled by AssemblyScript, in base64. To write it again:",
      ` * ${command}`,
      " */",
      "export const assemblyCode = `",
      ...lines,
      "`;\n",
    ].join("\n");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

for (const entry of entries) {
  Deno.test(`the code kept for ${entry} is what AssemblyScript makes of it`, async () => {
    const file = join(projectRoot, dirname(entry), "..", "assembly_code.ts");
    const made = await assemble(entry);
    if (Deno.env.get("DEPT_UPDATE_GOLDEN") === "1") Deno.writeTextFileSync(file, made);
    assert.equal(Deno.readTextFileSync(file), made, `Run ${command}`);
  });
}
