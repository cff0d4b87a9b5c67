/**
 * The WebAssembly code that is kept beside its sources in `tokenizers/unigram/assembly/` is what AssemblyScript makes of them.
 *
 * With DEPT_UPDATE_GOLDEN=1 it is written anew.
 */
import assert from "node:assert/strict";
import { Buffer } from "node:buffer";
import { join } from "node:path";

const room = new URL("../../tokenizers/unigram/", import.meta.url);
const compiler = "npm:assemblyscript@0.28.20/asc";
const command = "DEPT_UPDATE_GOLDEN=1 deno test -A --no-check tests/tokenizers/assembly_test.ts";

/** What stands in `_assembly_code.ts`. */
async function assemble(): Promise<string> {
  const folder = await Deno.makeTempDir();
  try {
    const file = join(folder, "code.wasm");
    // Outside of deno.lock: what is there is downloaded by every first run. The test is whether the same bytes come out.
    const args = ["run", "-A", "--quiet", "--no-lock", compiler, "encode.ts", "--outFile", file];
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
      cwd: new URL("assembly/", room),
    }).output();
    assert.ok(success, new TextDecoder().decode(stderr));
    const lines = Buffer.from(await Deno.readFile(file)).toString("base64").match(/.{1,96}/g)!;
    return [
      "/**",
      " * What AssemblyScript makes of `assembly/`, in base64. To write it anew:",
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

Deno.test("the encoder's code is what AssemblyScript makes of its sources", async () => {
  const file = new URL("_assembly_code.ts", room);
  const made = await assemble();
  if (Deno.env.get("DEPT_UPDATE_GOLDEN") === "1") Deno.writeTextFileSync(file, made);
  assert.equal(Deno.readTextFileSync(file), made, `Run ${command}`);
});
